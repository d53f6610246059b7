/** A studio's tab in the main area: the panel under a toolbar for its kernel. */
import {
  Dialog,
  MainAreaWidget,
  showDialog,
  Toolbar,
  type ISessionContext,
  type ISessionContextDialogs,
  type SessionContext,
} from "@jupyterlab/apputils";
import type { ITranslator, TranslationBundle } from "@jupyterlab/translation";
import type { Message } from "@lumino/messaging";
import { studioIcon } from "../icons";
import type { Wish } from "./code";
import type { Left, StudioPanel } from "./panel";

/** What a tab is opened with, and opened again after a reload of the page. */
export interface Place extends Wish {
  id: string;
  /** The kernel's folder, as the server knows it. */
  cwd: string;
  /** What its tab is called after; by default its file. */
  about?: string | undefined;
}

export interface TabOptions {
  place: Place;
  content: StudioPanel;
  sessionContext: SessionContext;
  dialogs: ISessionContextDialogs;
  translator: ITranslator;
  trans: TranslationBundle;
  /** Whether a person is asked before something unsaved is closed. */
  asks: () => boolean;
  /** Called when a person has closed a studio whose painting is kept. */
  closed: (place: Place) => void;
}

export class StudioTab extends MainAreaWidget<StudioPanel> {
  readonly place: Place;
  private asking = false;

  constructor(private readonly options: TabOptions) {
    super({ content: options.content });
    const { place, sessionContext, dialogs, translator, trans } = options;
    this.place = place;
    this.id = `robust-studio-${place.id}`;
    this.title.icon = studioIcon;
    const about = place.about ?? place.file;
    this.title.label = about ? trans.__("Robust Studio: %1", about) : trans.__("Robust Studio");
    this.title.caption = trans.__("Robust Studio in %1", `/${place.cwd}`);
    this.title.closable = true;
    this.toolbar.node.setAttribute("aria-label", trans.__("the studio's kernel"));
    addKernelItems(this.toolbar, sessionContext, dialogs, translator);
  }

  override dispose(): void {
    if (this.isDisposed) return;
    super.dispose();
    this.options.sessionContext.dispose();
  }

  protected override onCloseRequest(message: Message): void {
    if (this.asking) return;
    this.asking = true;
    void this.mayClose().then((may) => {
      this.asking = false;
      if (may) super.onCloseRequest(message);
    });
  }

  private async mayClose(): Promise<boolean> {
    const { asks, closed, place } = this.options;
    const left = await this.content.left();
    const may = !asks() || left?.unsaved === false || (await this.isSure(left));
    if (may && left?.painted !== false) closed(place);
    return may;
  }

  private async isSure(left: Left | undefined): Promise<boolean> {
    const { trans } = this.options;
    const body = left
      ? trans.__(
          "It has paint or runs that were not saved to a file. Its runs are lost when it is closed; its painting is kept for 30 days, for “Reopen Closed Robust Studio” in the menu File.",
        )
      : trans.__("Its kernel does not answer, so whether it has unsaved paint is not known.");
    const answer = await showDialog({
      title: trans.__("Close this studio?"),
      body,
      defaultButton: 0,
      buttons: [
        Dialog.cancelButton({ label: trans.__("Cancel") }),
        Dialog.warnButton({ label: trans.__("Close and end its kernel") }),
      ],
    });
    return answer.button.accept;
  }
}

/** Adds the kernel status and the controls of the kernel to a toolbar. */
export function addKernelItems(
  // JupyterLab's replacements for these serve notebooks only.
  /* eslint-disable @typescript-eslint/no-deprecated */
  toolbar: MainAreaWidget["toolbar"],
  sessionContext: ISessionContext,
  dialogs: ISessionContextDialogs,
  translator: ITranslator,
): void {
  toolbar.addItem("interrupt", Toolbar.createInterruptButton(sessionContext, translator));
  toolbar.addItem("restart", Toolbar.createRestartButton(sessionContext, dialogs, translator));
  toolbar.addItem("spacer", Toolbar.createSpacerItem());
  toolbar.addItem("kernelName", Toolbar.createKernelNameItem(sessionContext, dialogs, translator));
  toolbar.addItem("kernelStatus", Toolbar.createKernelStatusItem(sessionContext, translator));
  /* eslint-enable @typescript-eslint/no-deprecated */
}
