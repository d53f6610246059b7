import { say } from "@robust-widgets/shared/translation";
import type { Model, Place } from "./messages";
import type { Gesture, Strokes } from "./strokes";
import type { Viewport } from "./viewport";

/** Steps across the painting, with an arrow key and with Shift. */
const STEPS = 64;
const LARGE_STEPS = 10;

/** The keyboard cursor: arrows move it, Space and Enter paint at it. */
export class Cursor {
  readonly mark = document.createElement("div");
  private knownPlace: Place | null = null;
  private gesture: Gesture | null = null;

  constructor(
    private readonly model: Model,
    private readonly viewport: Viewport,
    private readonly strokes: Strokes,
    private readonly ring: HTMLElement,
    private readonly announce: (text: string) => void,
    /** Shows the colour at a point of the surface, and returns it; null hides it. */
    private readonly showColor: (at: Place | null) => string,
  ) {
    this.mark.className = "rw-pad-cursor";
    this.mark.hidden = true;
  }

  /** Whether a stroke is being painted with the keyboard. */
  get isPainting(): boolean {
    return this.gesture !== null;
  }

  /** Its position on the surface; undefined while it is hidden. */
  get onSurface(): Place | undefined {
    return this.mark.hidden ? undefined : this.viewport.fromRaster(this.place);
  }

  show(): void {
    this.mark.hidden = false;
    this.ring.hidden = true;
    this.update();
  }

  hide(): void {
    this.finish();
    this.mark.hidden = true;
    this.showColor(null);
  }

  /** Moves the mark to where the viewport shows its place. */
  update(): void {
    const [x, y] = this.viewport.fromRaster(this.place);
    this.mark.style.left = `${x}px`;
    this.mark.style.top = `${y}px`;
    this.mark.classList.toggle("rw-pad-cursor-down", this.isPainting);
  }

  /** Takes a step in a direction. */
  move(dx: number, dy: number, isLarge: boolean): void {
    const side = this.model.get("side");
    const step = Math.max(1, Math.round(side / (isLarge ? LARGE_STEPS : STEPS)));
    const [x, y] = this.place;
    const clamp = (value: number) => Math.min(side - 0.5, Math.max(0.5, value));
    this.knownPlace = [clamp(x + dx * step), clamp(y + dy * step)];
    this.viewport.reveal(this.knownPlace);
    this.gesture?.extend([...this.knownPlace, 1], false);
    this.show();
    const color =
      this.model.get("tool") === "eyedropper" ? this.showColor(this.viewport.fromRaster(this.knownPlace)) : "";
    const [column, row] = this.knownPlace.map(Math.round);
    this.announce([column, row, ...(color ? [color] : [])].join(", "));
  }

  /** Clicks at its place; during a stroke, ends the stroke. */
  tap(): void {
    if (this.gesture) this.finish();
    else this.strokes.start([...this.place, 1])?.end();
    this.show();
  }

  /** Starts a stroke, or ends it. */
  toggle(): void {
    if (this.gesture) {
      this.finish();
      this.announce(say("ended"));
    } else if (this.model.isAlive()) {
      this.gesture = this.strokes.start([...this.place, 1]);
      this.announce(this.gesture ? say("started; Enter ends it") : say("done"));
    }
    this.show();
  }

  finish(): void {
    this.gesture?.end();
    this.gesture = null;
    this.update();
  }

  /** Cancels the stroke; false if there is none. */
  cancel(): boolean {
    if (!this.gesture) return false;
    if (!this.gesture.cancel()) this.gesture.end();
    this.gesture = null;
    this.update();
    this.announce(say("canceled"));
    return true;
  }

  private get place(): Place {
    const middle = this.model.get("side") / 2;
    return (this.knownPlace ??= [middle, middle]);
  }
}
