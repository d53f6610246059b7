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
import type { StudioOptions } from "./code";
import type { UnsavedWork, StudioPanel } from "./panel";

/** What identifies a studio; saved to restore its tab after a reload of the page. */
export interface Place extends StudioOptions {
  id: string;
  /** The kernel's folder, relative to the server's. */
  cwd: string;
  /** The name for its tab; by default the file's. */
  about?: string | undefined;
}

export interface TabOptions {
  place: Place;
  content: StudioPanel;
  sessionContext: SessionContext;
  dialogs: ISessionContextDialogs;
  translator: ITranslator;
  trans: TranslationBundle;
  /** Whether to ask before unsaved work is closed. */
  confirmClose: () => boolean;
  /** Called when the user closed a studio whose painting is kept. */
  closed: (place: Place) => void;
}

export class StudioTab extends MainAreaWidget<StudioPanel> {
  readonly place: Place;
  private isAsking = false;

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
    if (this.isAsking) return;
    this.isAsking = true;
    void this.mayClose().then((may) => {
      this.isAsking = false;
      if (may) super.onCloseRequest(message);
    });
  }

  private async mayClose(): Promise<boolean> {
    const { confirmClose, closed, place } = this.options;
    const work = await this.content.unsavedWork();
    const may = !confirmClose() || work?.unsaved === false || (await this.confirm(work));
    if (may && work?.painted !== false) closed(place);
    return may;
  }

  private async confirm(work: UnsavedWork | undefined): Promise<boolean> {
    const { trans } = this.options;
    const body = work
      ? trans.__(
          "It has paint or runs that were not saved to a file. The runs will be lost. The painting is kept for 30 days: “Reopen Closed Robust Studio” in the File menu restores it.",
        )
      : trans.__("Its kernel does not answer, so it is unknown whether it has unsaved paint.");
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
