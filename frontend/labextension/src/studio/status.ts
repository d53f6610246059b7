/** The status bar item of the active studio: its model, its device and its speed. */
import type { ILabShell } from "@jupyterlab/application";
import type { IStatusBar } from "@jupyterlab/statusbar";
import type { TranslationBundle } from "@jupyterlab/translation";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import { setText } from "@robust-widgets/shared/dom";
import type { About } from "./panel";

/** A tab with a studio in it. */
export interface StudioLike extends Widget {
  readonly content: Widget & { readonly about: About | undefined };
}

export class StatusItem extends Widget {
  private readonly observer = new MutationObserver(() => this.refresh());
  private studio: StudioLike | undefined;
  readonly changed = new Signal<this, void>(this);

  constructor(private readonly trans: TranslationBundle) {
    super();
    this.addClass("rw-status");
    this.node.title = trans.__("the active studio: its model, its device, and its steps a second during a run");
  }

  override dispose(): void {
    this.observer.disconnect();
    super.dispose();
  }

  /** Whether there is nothing to show. */
  get isQuiet(): boolean {
    return !this.studio?.content.about;
  }

  /** Shows this studio from now on, or none. */
  follow(studio: StudioLike | undefined): void {
    this.observer.disconnect();
    this.studio = studio;
    // These change when the studio is shown, when its model is loaded, and during a run.
    if (studio) {
      this.observer.observe(studio.content.node, {
        subtree: true,
        childList: true,
        attributeFilter: ["data-rate", "data-device"],
      });
    }
    this.refresh();
  }

  private refresh(): void {
    const about = this.studio?.content.about;
    const { rate, device } = this.studio?.content.node.querySelector<HTMLElement>(".rw-view")?.dataset ?? {};
    const parts = about ? [about.model, device, rate && this.trans.__("%1 steps/s", rate)] : [];
    setText(this.node, parts.filter(Boolean).join(" · "));
    this.changed.emit();
  }
}

export function addStatus(
  bar: IStatusBar,
  shell: ILabShell,
  studioOf: (widget: Widget | null) => StudioLike | undefined,
  trans: TranslationBundle,
): void {
  const item = new StatusItem(trans);
  const follow = () => item.follow(studioOf(shell.currentWidget));
  shell.currentChanged.connect(follow);
  follow();
  bar.registerStatusItem("robust-widgets:status", {
    item,
    align: "right",
    rank: 50,
    isActive: () => !item.isQuiet,
    activeStateChanged: item.changed,
  });
}
