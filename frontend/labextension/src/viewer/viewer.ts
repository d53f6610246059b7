/** The tab of a saved run: a player and the run's parameters. Needs no kernel. */
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { TranslationBundle } from "@jupyterlab/translation";
import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import { player } from "@robust-widgets/shared/player";
import { element, suppressLabShortcuts, setText } from "@robust-widgets/shared/dom";
import "../../style/run.css";
import { playerWords } from "@robust-widgets/shared/words";
import { parameterList } from "./parameters";
import { OtherVersionError, readRun, type SavedRun } from "@robust-widgets/shared/savedRun";

/** Reads a file of the file browser. */
export type ReadFile = (path: string, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** The file could not be read; the message says why. */
export class UnreadError extends Error {
  override readonly name = "UnreadError";
}

export class Viewer extends Widget {
  /** Fulfilled once something is shown. */
  readonly loaded: Promise<void>;
  private shown: AbortController | undefined;

  constructor(
    private readonly context: DocumentRegistry.Context,
    private readonly read: ReadFile,
    private readonly trans: TranslationBundle,
  ) {
    super();
    this.addClass("rw-viewer");
    this.addClass("rw-run");
    this.node.tabIndex = -1;
    this.loaded = context.ready.then(async () => {
      if (this.isDisposed) return;
      context.fileChanged.connect(() => {
        if (!this.isDisposed) void this.refresh();
      }, this);
      await this.refresh();
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

  private async refresh(): Promise<void> {
    this.shown?.abort();
    const { signal } = (this.shown = new AbortController());
    try {
      const saved = readRun(await this.read(this.context.path, signal));
      if (!signal.aborted) this.node.replaceChildren(...this.parts(saved, signal));
    } catch (error) {
      if (signal.aborted) return;
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
    if (error instanceof UnreadError) {
      return this.trans.__("%1 could not be read (%2). Close this tab and open the file again.", name, error.message);
    }
    const reason = error instanceof Error ? error.message : String(error);
    return this.trans.__(
      '%1 is not a saved run, or it is damaged or cut short (%2). Save the run again with trace.save("….rwtrace").',
      name,
      reason,
    );
  }
}
