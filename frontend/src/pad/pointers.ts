import type { Gesture, Painter } from "./painter";
import type { Model, Place, Point } from "./protocol";
import type { Viewport } from "./viewport";

const WHEEL_ZOOM = 0.01;
const ERASER_END = 32;

export interface PointerHost {
  surface: HTMLElement;
  ring: HTMLElement;
  model: Model;
  viewport: Viewport;
  painter: Painter;
  /** whether the key is held that makes the mouse move the view; asking counts as using it */
  grabbing(): boolean;
  used(): void;
  pressed(): void;
}

/** Mouse, pen and fingers: one paints; two, the middle button, or Space with the mouse, move the view. */
export class Pointers {
  private gesture: { work: Gesture; pointer: number } | null = null;
  private drag: { pointer: number; at: Place } | null = null;
  private readonly fingers = new Map<number, Place>();
  private pinching = false;

  constructor(
    private readonly host: PointerHost,
    signal: AbortSignal,
  ) {
    const { surface, ring } = host;
    surface.addEventListener("pointerdown", (event) => this.press(event), { signal });
    surface.addEventListener("pointermove", (event) => this.move(event), { signal });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
      surface.addEventListener(name, (event) => this.release(event), { signal });
    }
    surface.addEventListener("pointerleave", () => (ring.hidden = true), { signal });
    surface.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
    // The middle button would start the browser's own scrolling.
    surface.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault(), { signal });
  }

  get painting(): boolean {
    return this.gesture !== null;
  }

  /** End what is being painted, as if the button was released. */
  finish(): void {
    const ended = this.gesture;
    if (!ended) return;
    this.gesture = null;
    ended.work.end();
    const { surface } = this.host;
    if (surface.hasPointerCapture(ended.pointer)) surface.releasePointerCapture(ended.pointer);
  }

  /** Take back what is being painted; false if nothing is. */
  cancel(): boolean {
    const taken = this.gesture;
    if (!taken) return false;
    this.gesture = null;
    if (!taken.work.cancel()) taken.work.end();
    return true;
  }

  private press(event: PointerEvent): void {
    event.stopPropagation();
    const { surface, viewport, painter, model } = this.host;
    const at = viewport.onSurface(event.clientX, event.clientY);
    if (event.pointerType === "touch") {
      this.fingers.set(event.pointerId, at);
      if (this.fingers.size === 2) {
        this.cancel();
        this.drag = null;
        this.pinching = true;
      }
    }
    this.host.pressed();
    if (!surface.contains(document.activeElement)) surface.focus({ preventScroll: true, focusVisible: false } as FocusOptions);
    event.preventDefault();
    if (this.pinching || this.gesture || this.drag) return;
    if (event.button === 1 || (event.button === 0 && this.host.grabbing())) {
      this.host.used();
      this.drag = { pointer: event.pointerId, at };
      this.capture(event);
      return;
    }
    const erase = (event.buttons & ERASER_END) !== 0;
    if ((event.button !== 0 && !erase) || !event.isPrimary) return;
    const strokes = !["line", "rectangle", "lasso"].includes(model.get("tool"));
    const work = painter.start(this.point(event), { pick: event.altKey && strokes, erase });
    if (!work) return;
    this.gesture = { work, pointer: event.pointerId };
    this.capture(event);
  }

  private move(event: PointerEvent): void {
    const { viewport } = this.host;
    const at = viewport.onSurface(event.clientX, event.clientY);
    if (this.fingers.has(event.pointerId)) {
      if (this.pinching) this.pinch(event.pointerId, at);
      this.fingers.set(event.pointerId, at);
    }
    if (this.drag?.pointer === event.pointerId) {
      viewport.panBy(at[0] - this.drag.at[0], at[1] - this.drag.at[1]);
      this.drag.at = at;
    }
    if (this.gesture && event.pointerId !== this.gesture.pointer) return;
    this.follow(event, at);
    if (!this.gesture) return;
    if (event.pointerType === "mouse" && !(event.buttons & 1)) return this.finish();
    const all = event.getCoalescedEvents?.() ?? [];
    for (const part of all.length ? all : [event]) this.gesture.work.to(this.point(part), event.shiftKey);
  }

  private release(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) this.pinching = false;
    if (this.drag?.pointer === event.pointerId) this.drag = null;
    if (event.pointerId !== this.gesture?.pointer) return;
    // A pen that is lifted has no pressure any more.
    if (event.type === "pointerup" && event.pointerType !== "pen") this.gesture.work.to(this.point(event), event.shiftKey);
    this.finish();
  }

  private pinch(moved: number, to: Place): void {
    const from = this.fingers.get(moved);
    const other = [...this.fingers].find(([id]) => id !== moved)?.[1];
    if (!from || !other) return;
    const { viewport } = this.host;
    const apart = (a: Place, b: Place) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    const middle = (a: Place, b: Place): Place => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [before, after] = [middle(from, other), middle(to, other)];
    viewport.panBy(after[0] - before[0], after[1] - before[1]);
    viewport.zoomTo((viewport.zoom * apart(to, other)) / Math.max(1, apart(from, other)), after);
  }

  /** Only with Control, as a pinch on a trackpad arrives too: the plain wheel goes on scrolling the page. */
  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { viewport } = this.host;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const turn = Math.max(-50, Math.min(50, event.deltaY * lines));
    viewport.zoomTo(viewport.zoom * Math.exp(-turn * WHEEL_ZOOM), viewport.onSurface(event.clientX, event.clientY));
  }

  private follow(event: PointerEvent, [x, y]: Place): void {
    const { surface, ring, model } = this.host;
    const brushing = ["brush", "eraser", "line"].includes(model.get("tool")) && (this.painting || !event.altKey);
    surface.classList.toggle("rw-pad-aim", !brushing);
    ring.hidden = !brushing || event.pointerType === "touch" || this.drag !== null;
    ring.style.left = `${x}px`;
    ring.style.top = `${y}px`;
  }

  private point(event: PointerEvent): Point {
    const pressure = event.pointerType === "pen" ? Math.round(event.pressure * 1000) / 1000 : 1;
    return [...this.host.viewport.toRaster(event.clientX, event.clientY), pressure];
  }

  private capture(event: PointerEvent): void {
    try {
      this.host.surface.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already; what was begun ends with its release all the same.
    }
  }
}
