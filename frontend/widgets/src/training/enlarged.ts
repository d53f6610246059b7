/** One picture enlarged. The arrow keys go to the same seed at other epochs. */
import { element, icon, setLabel, setText } from "@robust-widgets/shared/dom";
import { NEXT, PREVIOUS } from "@robust-widgets/shared/icons";
import type { Gallery, Place } from "./gallery";

const KEYS: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

export class Enlarged {
  readonly root = element("dialog", "rw-training-enlarged", { "aria-label": "enlarged picture" });
  private readonly picture = element("img", "", { alt: "" });
  private readonly caption = element("span", "", { role: "status" });
  private readonly earlier: HTMLButtonElement;
  private readonly later: HTMLButtonElement;
  private readonly closing: HTMLButtonElement;
  private place: Place | null = null;

  constructor(
    private readonly gallery: () => Gallery,
    signal: AbortSignal,
  ) {
    const button = (className: string, click: () => void, ...children: (Node | string)[]) => {
      const created = element("button", className, { type: "button" }, ...children);
      created.addEventListener("click", click, { signal });
      return created;
    };
    this.earlier = button("rw-view-button rw-training-earlier", () => this.turn(-1), icon(PREVIOUS));
    this.later = button("rw-view-button rw-training-later", () => this.turn(1), icon(NEXT));
    this.closing = button("rw-view-text rw-training-close", () => this.root.close(), "Close");
    setLabel(this.earlier, "earlier epoch");
    setLabel(this.later, "later epoch");
    this.earlier.title += " (left arrow)";
    this.later.title += " (right arrow)";
    const row = element("div", "rw-training-enlarged-row", {}, this.earlier, this.caption, this.later, this.closing);
    this.root.append(this.picture, row);
    // A click on the backdrop has the dialog itself as its target.
    const clicked = ({ target }: Event) => {
      if (target === this.root) this.root.close();
    };
    this.root.addEventListener("click", clicked, { signal });
    this.root.addEventListener("close", () => this.place && this.gallery().focus(this.place), { signal });
    const keydown = (event: KeyboardEvent) => {
      const by = KEYS[event.key];
      if (by === undefined) return;
      event.preventDefault();
      this.turn(by);
    };
    this.root.addEventListener("keydown", keydown, { signal });
  }

  open(place: Place): void {
    this.place = place;
    this.update();
    this.root.showModal();
    this.closing.focus();
  }

  /** Shows epochs that were added or removed. */
  refresh(): void {
    if (this.root.open) this.update();
  }

  private turn(by: number): void {
    const { place } = this;
    if (!place) return;
    const epochs = this.gallery().epochs;
    const at = epochs.findIndex((epoch) => epoch >= place.epoch);
    const epoch = epochs[Math.min(epochs.length - 1, Math.max(0, at + by))];
    if (epoch === undefined) return;
    this.place = { ...place, epoch };
    this.update();
  }

  private update(): void {
    const { place } = this;
    const { epochs } = this.gallery();
    this.earlier.ariaDisabled = String(!place || place.epoch <= (epochs[0] ?? 0));
    this.later.ariaDisabled = String(!place || place.epoch >= (epochs.at(-1) ?? 0));
    const image = place && this.gallery().shown(place);
    if (!image) return;
    const caption = [image.label, `epoch ${image.epoch}`].filter(Boolean).join(", ");
    this.picture.src = image.url;
    this.picture.alt = caption;
    setText(this.caption, caption);
  }
}
