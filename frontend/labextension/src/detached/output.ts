/** The output of a detached studio: where the studio is, and the studio itself once its tab is closed. */
import type { IRenderMime, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { TranslationBundle } from "@jupyterlab/translation";
import type { Message } from "@lumino/messaging";
import { Panel, type Widget } from "@lumino/widgets";
import { Notice } from "../studio/notice";
import { hasWidget } from "../studio/code";
import { valueOf } from "../studio/kernel";
import { viewOf, type Detached } from "./tab";
import type { DetachedTabs } from "./tabs";

export const MIME = "application/vnd.robust-widgets.detached+json";
export const VERSION = 1;
const WIDGET_MIME = "application/vnd.jupyter.widget-view+json";
/** Long, because the cell may still run after `detach()`. */
const TIMEOUT_MS = 24 * 3600 * 1000;

export class DetachedOutput extends Panel implements IRenderMime.IRenderer {
  private readonly notice = new Notice();
  private readonly home = new Panel();
  private detached: Detached | undefined;
  /** Whether this is the studio's own cell, to which it returns. */
  private isHome = false;
  /** Whether the kernel has answered whether it has the studio. */
  private isAnswered = false;

  constructor(
    private readonly tabs: DetachedTabs,
    private readonly trans: TranslationBundle,
  ) {
    super();
    this.addClass("rw-detached");
    this.addWidget(this.notice);
    this.addWidget(this.home);
    tabs.changed.connect(this.refresh, this);
  }

  override dispose(): void {
    this.tabs.changed.disconnect(this.refresh, this);
    super.dispose();
  }

  renderModel({ data }: IRenderMime.IMimeModel): Promise<void> {
    this.detached = data[MIME] as unknown as Detached;
    this.isHome = WIDGET_MIME in data;
    this.isAnswered = false;
    if (this.isAttached) void this.start();
    return Promise.resolve();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this.start();
  }

  /** Opens the tab, unless the user has closed it since `detach()`. */
  private async start(): Promise<void> {
    const { detached } = this;
    const [host, rendermime] = [this.tabs.hostOf(this.node), rendermimeOf(this)];
    if (!detached || !host || !rendermime) return;
    const { sessionContext } = host;
    if (sessionContext.isReady) this.notice.inform(this.trans.__("Moving the studio to a tab …"));
    await sessionContext.ready;
    // After a reload of the page the kernel may not be connected yet. Then it answers once it is.
    const kernel = sessionContext.session?.kernel;
    const known = !!kernel && (await valueOf(kernel, hasWidget(detached.modelId), TIMEOUT_MS)) === "True";
    if (this.isDisposed || detached !== this.detached) return;
    this.isAnswered = true;
    if (known) this.tabs.open(detached, host, rendermime);
    else this.tabs.forget(detached);
    this.refresh();
  }

  private refresh(): void {
    const { detached, trans, tabs } = this;
    if (!detached || !this.isAnswered || this.isDisposed) return;
    const tab = tabs.tabOf(detached);
    this.toggleClass("rw-mod-ended", tabs.isLost(detached));
    if (tab) {
      this.home.widgets.slice().forEach((view) => view.dispose());
      this.notice.inform(
        trans.__("The studio is in the tab “%1”.", tab.title.label),
        { label: trans.__("Show it"), act: () => tabs.show(detached) },
        { label: trans.__("Bring it back"), act: () => tab.dispose() },
      );
    } else if (tabs.isLost(detached)) {
      this.notice.inform(
        this.isHome
          ? trans.__("The studio was in a tab, and its kernel has ended. Run this cell again to restore the painting.")
          : "",
      );
    } else if (this.isHome) {
      this.notice.clear();
      const rendermime = rendermimeOf(this);
      if (rendermime && !this.home.widgets.length) this.home.addWidget(viewOf(detached.modelId, rendermime));
    } else this.notice.inform(trans.__("The studio is back in its cell."));
  }
}

/** The rendermime of the output around a widget, which can render the notebook's widgets. */
function rendermimeOf(widget: Widget): IRenderMimeRegistry | undefined {
  for (let at: Widget | null = widget.parent; at; at = at.parent) {
    const { rendermime } = at as { rendermime?: IRenderMimeRegistry };
    if (rendermime) return rendermime;
  }
  return undefined;
}
