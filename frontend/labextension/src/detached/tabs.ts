/** The tabs of detached studios, one for each studio. */
import type { ILabShell } from "@jupyterlab/application";
import type { ISessionContextDialogs } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { ITranslator, TranslationBundle } from "@jupyterlab/translation";
import { Signal } from "@lumino/signaling";
import { hostAround, type Host } from "../studio/host";
import { DetachedTab, type Detached } from "./tab";

export interface DetachedTabsOptions {
  shell: ILabShell;
  dialogs: ISessionContextDialogs;
  translator: ITranslator;
  trans: TranslationBundle;
  /** Opens a notebook. */
  reopen: (path: string) => void;
}

export class DetachedTabs {
  /** A tab was opened or closed. */
  readonly changed = new Signal<this, void>(this);
  private readonly tabs = new Map<string, DetachedTab>();
  private readonly lost = new Set<string>();

  /** @param storage remembers where each studio is, over a reload of the page */
  constructor(
    private readonly options: DetachedTabsOptions,
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> = window.sessionStorage,
  ) {}

  hostOf(node: HTMLElement): Host | undefined {
    return hostAround(this.options.shell.widgets("main"), node);
  }

  tabOf({ modelId }: Detached): DetachedTab | undefined {
    return this.tabs.get(modelId);
  }

  /** Whether the studio ended with its kernel. */
  isLost({ modelId }: Detached): boolean {
    return this.lost.has(modelId);
  }

  /** Shows a studio in a tab. One that the user brought back to its cell stays there until the next `detach()`. */
  open(detached: Detached, host: Host, rendermime: IRenderMimeRegistry): void {
    const { shell, ...options } = this.options;
    const where = this.storage.getItem(key(detached));
    if (where === "cell") return;
    this.storage.setItem(key(detached), "tab");
    const orphan = this.tabs.get(detached.modelId);
    const isBack = !!orphan?.content.isOrphan;
    if (isBack) orphan.dispose();
    if (!this.tabs.has(detached.modelId)) {
      const tab = new DetachedTab({ detached, host, rendermime, ...options });
      this.tabs.set(detached.modelId, tab);
      tab.disposed.connect(() => {
        this.tabs.delete(detached.modelId);
        // Reopening the notebook reopens the tab, but not one that the user has closed.
        if (!host.isDisposed) this.storage.setItem(key(detached), "cell");
        if (tab.content.isLost) this.lost.add(detached.modelId);
        this.changed.emit();
      });
      shell.add(tab, "main", { activate: false, type: "Robust Studio" });
    }
    // A reload of the page must not change the active tab.
    if (where === null || isBack) this.show(detached);
    this.changed.emit();
  }

  show(detached: Detached): void {
    const tab = this.tabOf(detached);
    if (tab) this.options.shell.activateById(tab.id);
  }

  /** The kernel no longer has the studio. */
  forget(detached: Detached): void {
    this.lost.add(detached.modelId);
    this.storage.removeItem(key(detached));
    const tab = this.tabOf(detached);
    if (tab?.content.isOrphan) tab.dispose(); // Its cell now says how to restore the painting.
  }
}

const key = ({ ticket }: Detached) => `robust-widgets:detached:${ticket}`;
