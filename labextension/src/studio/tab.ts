/** A studio's tab in the main area: the panel under a toolbar for its kernel. */
import {
  Dialog,
  MainAreaWidget,
  showDialog,
  Toolbar,
  type ISessionContextDialogs,
  type SessionContext,
} from "@jupyterlab/apputils";
import type { ITranslator, TranslationBundle } from "@jupyterlab/translation";
import type { Message } from "@lumino/messaging";
import { studioIcon } from "../icons";
import type { Wish } from "./code";
import type { StudioPanel } from "./panel";

/** What a tab is opened with, and opened again after a reload of the page. */
export interface Place extends Wish {
  id: string;
  /** The kernel's folder, as the server knows it. */
  cwd: string;
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
    this.title.label = place.file ? trans.__("Robust Studio: %1", place.file) : trans.__("Robust Studio");
    this.title.caption = trans.__("Robust Studio in %1", `/${place.cwd}`);
    this.title.closable = true;
    this.toolbar.node.setAttribute("aria-label", trans.__("the studio's kernel"));
    // JupyterLab's own ways around these serve notebooks only.
    /* eslint-disable @typescript-eslint/no-deprecated */
    this.toolbar.addItem("interrupt", Toolbar.createInterruptButton(sessionContext, translator));
    this.toolbar.addItem("restart", Toolbar.createRestartButton(sessionContext, dialogs, translator));
    this.toolbar.addItem("spacer", Toolbar.createSpacerItem());
    this.toolbar.addItem("kernelName", Toolbar.createKernelNameItem(sessionContext, dialogs, translator));
    this.toolbar.addItem("kernelStatus", Toolbar.createKernelStatusItem(sessionContext, translator));
    /* eslint-enable @typescript-eslint/no-deprecated */
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
    if (!this.options.asks()) return true;
    const unsaved = await this.content.isUnsaved();
    if (unsaved === false) return true;
    const { trans } = this.options;
    const body = unsaved
      ? trans.__("It has paint or runs that were not saved to a file. They are lost when it is closed.")
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
