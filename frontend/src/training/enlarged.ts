/** One picture enlarged, pixel by pixel; the arrow keys go to the same seed at other epochs. */
import { element, finder, icon, say } from "../view/dom";
import type { Gallery, Place } from "./gallery";

const TEMPLATE = `
  <img alt=""><div class="rw-training-enlarged-row">
    <button type="button" class="rw-view-button rw-training-earlier" title="earlier epoch (left arrow)"
      aria-label="earlier epoch">${icon("M11 3v10L4 8z")}</button>
    <span role="status"></span>
    <button type="button" class="rw-view-button rw-training-later" title="later epoch (right arrow)"
      aria-label="later epoch">${icon("M5 3v10l7-5z")}</button>
    <button type="button" class="rw-view-text rw-training-close">Close</button></div>`;

export class Enlarged {
  readonly root = element("dialog", "rw-training-enlarged", { "aria-label": "enlarged picture" });
  private readonly find = finder(this.root);
  private place: Place | null = null;

  constructor(
    private readonly gallery: () => Gallery,
    signal: AbortSignal,
  ) {
    this.root.innerHTML = TEMPLATE;
    const on = (name: string, act: () => void) =>
      this.find(`.rw-training-${name}`, HTMLButtonElement).addEventListener("click", act, { signal });
    on("earlier", () => this.turn(-1));
    on("later", () => this.turn(1));
    on("close", () => this.root.close());
    // A click beside the picture, on what lies behind the dialog, has the dialog itself for a target.
    this.root.addEventListener("click", ({ target }) => target === this.root && this.root.close(), { signal });
    this.root.addEventListener("close", () => this.place && this.gallery().focus(this.place), { signal });
    const turns: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    const keydown = (event: KeyboardEvent) => {
      const turn = turns[event.key];
      if (turn === undefined) return;
      event.preventDefault();
      this.turn(turn);
    };
    this.root.addEventListener("keydown", keydown, { signal });
  }

  open(place: Place): void {
    this.place = place;
    this.write();
    this.root.showModal();
    this.find(".rw-training-close", HTMLButtonElement).focus();
  }

  /** Epochs may have come or gone. */
  refresh(): void {
    if (this.root.open) this.write();
  }

  private turn(by: number): void {
    const { place } = this;
    if (!place) return;
    const epochs = this.gallery().epochs;
    const at = epochs.findIndex((epoch) => epoch >= place.epoch);
    const epoch = epochs[Math.min(epochs.length - 1, Math.max(0, at + by))];
    if (epoch === undefined) return;
    this.place = { ...place, epoch };
    this.write();
  }

  private write(): void {
    const { place } = this;
    const shown = place && this.gallery().shown(place);
    const epochs = this.gallery().epochs;
    const set = (name: string, off: boolean) =>
      (this.find(`.rw-training-${name}`, HTMLButtonElement).ariaDisabled = String(off));
    set("earlier", !place || place.epoch <= (epochs[0] ?? 0));
    set("later", !place || place.epoch >= (epochs[epochs.length - 1] ?? 0));
    if (!shown) return;
    const picture = this.find("img", HTMLImageElement);
    const words = [shown.label, `epoch ${shown.epoch}`].filter(Boolean).join(", ");
    picture.src = shown.address;
    picture.alt = words;
    say(this.find("span", HTMLElement), words);
  }
}
