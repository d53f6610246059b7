import type { Gesture, Painter } from "./painter";
import type { Model, Place } from "./protocol";
import type { Viewport } from "./viewport";

/** The keyboard's own pointer: arrows move it, Space and Enter paint at it. */
export class Cursor {
  readonly mark = document.createElement("div");
  private place: Place | null = null;
  private gesture: Gesture | null = null;

  constructor(
    private readonly model: Model,
    private readonly viewport: Viewport,
    private readonly painter: Painter,
    private readonly ring: HTMLElement,
    private readonly say: (text: string) => void,
  ) {
    this.mark.className = "rw-pad-cursor";
    this.mark.hidden = true;
  }

  /** Whether a stroke is being painted by keys. */
  get painting(): boolean {
    return this.gesture !== null;
  }

  /** Where it stands on the surface, or undefined if it is not shown. */
  get onSurface(): Place | undefined {
    return this.mark.hidden ? undefined : this.viewport.fromRaster(this.at);
  }

  show(): void {
    this.mark.hidden = false;
    this.ring.hidden = true;
    this.follow();
  }

  hide(): void {
    this.finish();
    this.mark.hidden = true;
  }

  /** Stand where the viewport shows its place. */
  follow(): void {
    const [x, y] = this.viewport.fromRaster(this.at);
    this.mark.style.left = `${x}px`;
    this.mark.style.top = `${y}px`;
    this.mark.classList.toggle("rw-pad-cursor-down", this.painting);
  }

  /** One step in a direction; a large one is a tenth of the painting. */
  move(dx: number, dy: number, far: boolean): void {
    const side = this.model.get("side");
    const step = Math.max(1, Math.round(side / (far ? 10 : 64)));
    const [x, y] = this.at;
    const bounded = (value: number) => Math.min(side - 0.5, Math.max(0.5, value));
    this.place = [bounded(x + dx * step), bounded(y + dy * step)];
    this.viewport.reveal(this.place);
    this.gesture?.to([...this.place, 1], false);
    this.show();
    this.say(`${Math.round(this.place[0])}, ${Math.round(this.place[1])}`);
  }

  /** A click where it stands; while a stroke is being painted, its end. */
  tap(): void {
    if (this.gesture) this.finish();
    else this.painter.start([...this.at, 1])?.end();
    this.show();
  }

  /** Begin a stroke, or end it. */
  toggle(): void {
    if (this.gesture) {
      this.finish();
      this.say("ended");
    } else if (this.model.reaches()) {
      this.gesture = this.painter.start([...this.at, 1]);
      this.say(this.gesture ? "begun; Enter ends it" : "done");
    }
    this.show();
  }

  finish(): void {
    this.gesture?.end();
    this.gesture = null;
    this.follow();
  }

  /** Take back what is being painted; false if nothing is. */
  cancel(): boolean {
    if (!this.gesture) return false;
    if (!this.gesture.cancel()) this.gesture.end();
    this.gesture = null;
    this.follow();
    this.say("taken back");
    return true;
  }

  private get at(): Place {
    const middle = this.model.get("side") / 2;
    return (this.place ??= [middle, middle]);
  }
}
