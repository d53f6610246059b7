/** The tab of a saved run: a player and the run's parameters. Needs no kernel. */
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { TranslationBundle } from "@jupyterlab/translation";
import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import { player } from "@robust-widgets/shared/player";
import { element, suppressLabShortcuts, setText } from "@robust-widgets/shared/dom";
import "../../style/run.css";
import { playerWords } from "@robust-widgets/shared/words";
import { fromBase64 } from "../studio/delivery";
import { parameterList } from "./parameters";
import { OtherVersionError, readRun, type SavedRun } from "@robust-widgets/shared/savedRun";

export class Viewer extends Widget {
  private shown: AbortController | undefined;

  constructor(
    private readonly context: DocumentRegistry.Context,
    private readonly trans: TranslationBundle,
  ) {
    super();
    this.addClass("rw-viewer");
    this.addClass("rw-run");
    this.node.tabIndex = -1;
    void context.ready.then(() => {
      if (this.isDisposed) return;
      this.refresh();
      context.model.contentChanged.connect(this.refresh, this);
    });
  }

  override dispose(): void {
    this.shown?.abort();
    super.dispose();
  }

  /** Gives the player the focus: arrows step, Space plays. */
  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    (this.node.querySelector<HTMLElement>(".rw-view-slider") ?? this.node).focus();
  }

  private refresh(): void {
    this.shown?.abort();
    this.shown = new AbortController();
    try {
      this.node.replaceChildren(...this.parts(readRun(fromBase64(this.context.model.toString())), this.shown.signal));
    } catch (error) {
      const notice = element("p", "rw-run-notice", { role: "alert" });
      setText(notice, this.messageFor(error));
      this.node.replaceChildren(notice);
    }
  }

  private parts(saved: SavedRun, signal: AbortSignal): HTMLElement[] {
    const urls = saved.pictures.map((png) => URL.createObjectURL(new Blob([png], { type: "image/png" })));
    signal.addEventListener("abort", () => urls.forEach((url) => URL.revokeObjectURL(url)));
    const urlOf = (frame: string) => urls[Number(frame)] ?? "";
    const root = player([saved.run], { urlOf, signal, words: playerWords(this.trans) });
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", this.trans.__("recorded run"));
    suppressLabShortcuts(root, signal);
    return [root, parameterList(saved, this.trans)];
  }

  private messageFor(error: unknown): string {
    const name = this.context.localPath;
    if (error instanceof OtherVersionError) {
      return this.trans.__(
        "%1 was saved by another version of robust-widgets (its format is %2). Update robust-widgets to play it.",
        name,
        error.version,
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    return this.trans.__(
      '%1 is not a saved run, or it is damaged or cut short (%2). Save the run again with trace.save("….rwtrace").',
      name,
      reason,
    );
  }
}
