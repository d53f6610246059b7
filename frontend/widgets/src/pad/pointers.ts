/** Mouse, pen and touch: one pointer paints; two fingers, the middle button, or Space with the mouse move the view. */
import type { Model, Place, Point } from "./messages";
import type { Gesture, Strokes } from "./strokes";
import type { Viewport } from "./viewport";

const ZOOM_PER_WHEEL_PIXEL = 0.01;
const MOST_WHEEL_PIXELS = 50;
const PIXELS_PER_WHEEL_LINE = 16;
/** The bit of `buttons` that is set while the eraser end of a pen is down. */
const ERASER_END = 32;

export interface PointerHost {
  surface: HTMLElement;
  ring: HTMLElement;
  model: Model;
  viewport: Viewport;
  strokes: Strokes;
  /** Whether the key is held with which the mouse moves the view. */
  isPanKeyHeld(): boolean;
  /** Called when that key was used to move the view. */
  usedPanKey(): void;
  pressed(): void;
  /** Shows the colour at a point of the surface, while the pointer picks; null hides it. */
  showColor(at: Place | null): void;
  /** The pressure of a pen, after its curve. */
  curved(pressure: number): number;
}

export class Pointers {
  private painted: { gesture: Gesture; pointer: number } | null = null;
  private drag: { pointer: number; at: Place } | null = null;
  private readonly fingers = new Map<number, Place>();
  private isPinching = false;

  constructor(
    private readonly host: PointerHost,
    signal: AbortSignal,
  ) {
    const { surface } = host;
    surface.addEventListener("pointerdown", (event) => this.press(event), { signal });
    surface.addEventListener("pointermove", (event) => this.move(event), { signal });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
      surface.addEventListener(name, (event) => this.release(event), { signal });
    }
    surface.addEventListener("pointerleave", () => this.leave(), { signal });
    surface.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
    // Without this the middle button starts the browser's autoscroll.
    const noAutoscroll = (event: MouseEvent) => {
      if (event.button === 1) event.preventDefault();
    };
    surface.addEventListener("mousedown", noAutoscroll, { signal });
  }

  get isPainting(): boolean {
    return this.painted !== null;
  }

  /** Ends the current gesture, as if the button were released. */
  finish(): void {
    const ended = this.painted;
    if (!ended) return;
    this.painted = null;
    ended.gesture.end();
    const { surface } = this.host;
    if (surface.hasPointerCapture(ended.pointer)) surface.releasePointerCapture(ended.pointer);
  }

  /** Cancels the current gesture; false if there is none. */
  cancel(): boolean {
    const canceled = this.painted;
    if (!canceled) return false;
    this.painted = null;
    if (!canceled.gesture.cancel()) canceled.gesture.end();
    return true;
  }

  private press(event: PointerEvent): void {
    event.stopPropagation();
    const { surface, viewport, strokes, model } = this.host;
    const at = viewport.onSurface(event.clientX, event.clientY);
    if (event.pointerType === "pen" && this.isTouched) this.forgetFingers();
    if (event.pointerType === "touch") {
      if (this.painted && !this.fingers.has(this.painted.pointer)) {
        event.preventDefault(); // the palm of the hand that holds the pen
        return;
      }
      this.fingers.set(event.pointerId, at);
      if (this.fingers.size === 2) {
        this.cancel();
        this.drag = null;
        this.isPinching = true;
      }
    }
    this.host.pressed();
    if (!surface.contains(document.activeElement)) {
      const options: FocusOptions & { focusVisible: boolean } = { preventScroll: true, focusVisible: false };
      surface.focus(options);
    }
    event.preventDefault();
    if (this.isPinching || this.painted || this.drag) return;
    if (event.button === 1 || (event.button === 0 && this.host.isPanKeyHeld())) {
      this.host.usedPanKey();
      this.drag = { pointer: event.pointerId, at };
      this.capture(event);
      return;
    }
    const erase = (event.buttons & ERASER_END) !== 0;
    if (event.button !== 0 && !erase) return;
    const canPick = !["line", "rectangle", "lasso"].includes(model.get("tool"));
    const gesture = strokes.start(this.pointOf(event), {
      pick: event.altKey && canPick,
      erase,
      straight: event.shiftKey,
    });
    if (!gesture) return;
    this.painted = { gesture, pointer: event.pointerId };
    this.capture(event);
  }

  private get isTouched(): boolean {
    return this.fingers.size > 0 && (!this.painted || this.fingers.has(this.painted.pointer));
  }

  /** A pen came: what touched the surface before it was the palm of the hand that holds it. */
  private forgetFingers(): void {
    this.cancel();
    this.fingers.clear();
    this.isPinching = false;
  }

  private move(event: PointerEvent): void {
    const { viewport } = this.host;
    const at = viewport.onSurface(event.clientX, event.clientY);
    if (this.fingers.has(event.pointerId)) {
      if (this.isPinching) this.pinch(event.pointerId, at);
      this.fingers.set(event.pointerId, at);
    }
    if (this.drag?.pointer === event.pointerId) {
      viewport.panBy(at[0] - this.drag.at[0], at[1] - this.drag.at[1]);
      this.drag.at = at;
    }
    if (this.painted && event.pointerId !== this.painted.pointer) return;
    this.moveRing(event, at);
    if (!this.painted) return;
    if (event.pointerType === "mouse" && !(event.buttons & 1)) {
      this.finish();
      return;
    }
    const coalesced = coalescedEvents(event);
    for (const part of coalesced.length ? coalesced : [event]) {
      this.painted.gesture.extend(this.pointOf(part), event.shiftKey);
    }
  }

  private release(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) this.isPinching = false;
    if (this.drag?.pointer === event.pointerId) this.drag = null;
    if (event.pointerId !== this.painted?.pointer) return;
    if (event.type === "pointercancel") {
      this.cancel(); // the system found that it was no painting, such as a palm or a gesture of its own
      return;
    }
    // A lifted pen reports no pressure.
    if (event.type === "pointerup" && event.pointerType !== "pen") {
      this.painted.gesture.extend(this.pointOf(event), event.shiftKey);
    }
    this.finish();
  }

  private pinch(moved: number, to: Place): void {
    const from = this.fingers.get(moved);
    const other = [...this.fingers].find(([id]) => id !== moved)?.[1];
    if (!from || !other) return;
    const { viewport } = this.host;
    const distance = (a: Place, b: Place) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    const middle = (a: Place, b: Place): Place => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [before, after] = [middle(from, other), middle(to, other)];
    viewport.panBy(after[0] - before[0], after[1] - before[1]);
    viewport.zoomTo((viewport.zoom * distance(to, other)) / Math.max(1, distance(from, other)), after);
  }

  /** Zooms with Control only, which is also how a pinch on a trackpad arrives; otherwise the wheel scrolls the page. */
  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { viewport } = this.host;
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? PIXELS_PER_WHEEL_LINE : 1;
    const turn = Math.max(-MOST_WHEEL_PIXELS, Math.min(MOST_WHEEL_PIXELS, event.deltaY * unit));
    const at = viewport.onSurface(event.clientX, event.clientY);
    viewport.zoomTo(viewport.zoom * Math.exp(-turn * ZOOM_PER_WHEEL_PIXEL), at);
  }

  private leave(): void {
    this.host.ring.hidden = true;
    this.host.showColor(null);
  }

  private moveRing(event: PointerEvent, [x, y]: Place): void {
    const { surface, ring, model } = this.host;
    const isBrush = ["brush", "eraser", "line"].includes(model.get("tool")) && (this.isPainting || !event.altKey);
    surface.classList.toggle("rw-pad-aim", !isBrush);
    const picks = !this.isPainting && (model.get("tool") === "eyedropper" || event.altKey);
    this.host.showColor(picks && event.pointerType !== "touch" ? [x, y] : null);
    ring.hidden = !isBrush || event.pointerType === "touch" || this.drag !== null;
    ring.style.left = `${x}px`;
    ring.style.top = `${y}px`;
  }

  private pointOf(event: PointerEvent): Point {
    const pressure = event.pointerType === "pen" ? this.host.curved(event.pressure) : 1;
    return [...this.host.viewport.toRaster(event.clientX, event.clientY), pressure];
  }

  private capture(event: PointerEvent): void {
    try {
      this.host.surface.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already. Its release ends the gesture all the same.
    }
  }
}

/** The positions since the last event; older browsers report none. */
function coalescedEvents(event: PointerEvent): PointerEvent[] {
  return "getCoalescedEvents" in event ? event.getCoalescedEvents() : [];
}
