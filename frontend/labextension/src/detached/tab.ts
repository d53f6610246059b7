/** The tab of a detached studio: another view of the widget in the notebook's kernel. */
import { MainAreaWidget, type ISessionContext, type ISessionContextDialogs } from "@jupyterlab/apputils";
import { PathExt } from "@jupyterlab/coreutils";
import { MimeModel, type IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Kernel } from "@jupyterlab/services";
import type { ITranslator, TranslationBundle } from "@jupyterlab/translation";
import { Panel, type Widget } from "@lumino/widgets";
import "../../style/studio.css";
import "../../style/wide.css";
import { studioIcon } from "../icons";
import type { Host } from "../studio/host";
import { Notice } from "../studio/notice";
import type { About } from "../studio/panel";
import { addKernelItems } from "../studio/tab";

/** What Python sends for a studio that is to be detached. */
export interface Detached extends About {
  modelId: string;
  /** A new one for each call of ``detach()``. */
  ticket: string;
}

export interface DetachedOptions {
  detached: Detached;
  host: Host;
  /** The notebook's, which can render its widgets. */
  rendermime: IRenderMimeRegistry;
  dialogs: ISessionContextDialogs;
  translator: ITranslator;
  trans: TranslationBundle;
  /** Opens a notebook. */
  reopen: (path: string) => void;
}

const WIDGET_MIME = "application/vnd.jupyter.widget-view+json";
/** Kernel statuses after which its memory is lost. */
const LOST: Kernel.Status[] = ["restarting", "autorestarting", "dead"];

/** A view of a widget, as in a cell. */
export function viewOf(modelId: string, rendermime: IRenderMimeRegistry): Widget {
  const view = rendermime.createRenderer(WIDGET_MIME);
  const data = { [WIDGET_MIME]: { model_id: modelId, version_major: 2, version_minor: 0 } };
  void view.renderModel(new MimeModel({ data, trusted: true }));
  return view;
}

class DetachedPanel extends Panel {
  /** Whether the kernel has ended, and the studio with it. */
  isLost = false;
  /** Whether the notebook was closed; without it the studio cannot be shown. */
  isOrphan = false;
  private readonly notice = new Notice();
  private readonly view: Widget;

  constructor(
    readonly about: About,
    private readonly options: DetachedOptions,
  ) {
    super();
    const { detached, host, rendermime } = options;
    this.addClass("rw-tab");
    this.view = viewOf(detached.modelId, rendermime);
    this.view.addClass("rw-tab-view");
    this.addWidget(this.notice);
    this.addWidget(this.view);
    host.sessionContext.statusChanged.connect(this.follow, this);
    // A notebook that closes drops its kernel just before it is disposed of.
    host.sessionContext.kernelChanged.connect(() => {
      setTimeout(() => {
        if (!host.isDisposed) this.end();
      });
    });
    host.disposed.connect(this.orphan, this);
    this.askToSave();
  }

  /** Only a saved notebook restores the tab after a reload of the page. */
  private askToSave(): void {
    const { host, trans } = this.options;
    const file = host.context;
    if (!file?.model.dirty) return;
    this.notice.inform(trans.__("Save the notebook, and this tab is restored after a reload of the page."), {
      label: trans.__("Save the notebook"),
      act: () => void file.save(),
    });
    const saved = (_: unknown, state: string) => {
      if (state !== "completed") return;
      file.saveState.disconnect(saved);
      if (!this.isDisposed && !this.notice.warns) this.notice.clear();
    };
    file.saveState.connect(saved);
  }

  /** The notebook was closed, which removes its widget manager; its kernel may still run. */
  private orphan(): void {
    if (this.isDisposed || this.isOrphan) return;
    const { host, trans, reopen } = this.options;
    const path = host.context?.path;
    this.isOrphan = true;
    this.view.dispose();
    const close = { label: trans.__("Close this tab"), act: () => this.parent?.dispose() };
    const words = this.isLost
      ? trans.__(
          "The notebook was closed and its kernel has ended. Open it and run the studio's cell to restore the painting.",
        )
      : trans.__(
          "The notebook was closed, and the studio cannot be shown without it. Its painting is kept: open the notebook again, or run its cell if it was not saved.",
        );
    if (path) this.notice.warn(words, { label: trans.__("Open the notebook"), act: () => reopen(path) }, close);
    else this.notice.warn(words, close);
  }

  private follow(_: ISessionContext, status: Kernel.Status): void {
    if (LOST.includes(status)) this.end();
  }

  private end(): void {
    const { trans } = this.options;
    if (this.isDisposed || this.isOrphan) return;
    this.isLost = true;
    this.notice.warn(
      trans.__("The notebook's kernel has ended, and this studio with it. Run its cell again to restore the painting."),
      { label: trans.__("Close this tab"), act: () => this.parent?.dispose() },
    );
  }
}

export class DetachedTab extends MainAreaWidget<DetachedPanel> {
  constructor(options: DetachedOptions) {
    const { detached, host, dialogs, translator, trans } = options;
    super({ content: new DetachedPanel(detached, options) });
    const notebook = PathExt.basename(host.sessionContext.path);
    this.id = `robust-studio-of-${detached.modelId}`;
    this.title.icon = studioIcon;
    this.title.label = trans.__("Robust Studio: %1", notebook);
    this.title.caption = trans.__("The studio of %1, in that notebook's kernel", notebook);
    this.title.closable = true;
    this.toolbar.node.setAttribute("aria-label", trans.__("the notebook's kernel"));
    addKernelItems(this.toolbar, host.sessionContext, dialogs, translator);
  }
}
