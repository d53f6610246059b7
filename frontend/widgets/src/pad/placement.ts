/** A picture that was chosen, dropped or pasted: it is moved and scaled over the painting, and then put down. */
import { element, icon } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { button } from "./button";
import type { Place } from "./messages";
import type { SmallPicture } from "./picture";
import { centred, contains, cornerOf, CORNERS, drawn, moved, scaled, type Corner, type Rectangle } from "./rectangle";
import type { Viewport } from "./viewport";

const CHECK = "M3 8.5 6.5 12 13 4.5";
const CROSS = "M4 4l8 8M12 4l-8 8";
const SCALE = 1.05;
const ZOOM_PER_WHEEL_PIXEL = 0.01;
/** A large step of the arrow keys, as a part of the painting's side. */
const LARGE_STEP = 1 / 16;
/** How far from the edge the handles of a corner outside stay, in CSS pixels. */
const HANDLE_MARGIN = 10;

const ARROWS: Record<string, Place> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface PlacementHost {
  /** The widget: a press or the focus beyond it puts the picture down. */
  root: HTMLElement;
  viewport: Viewport;
  side(): number;
  announce(text: string): void;
  /** Sends the picture; false if nobody took it. */
  put(picture: SmallPicture, place: Rectangle): boolean;
  /** Gives the focus back to the painting. */
  returnFocus(): void;
  run(): void;
  help(): void;
}

/** What a pointer does: it moves the picture, or draws a corner, a little beside the pointer. */
interface Grip {
  corner: Corner | null;
  offset: Place;
}

export class Placement {
  readonly layer: HTMLElement;
  /** Takes the input while a picture is placed. */
  readonly area: HTMLElement;
  private readonly picture = element("img", "rw-pad-place-picture", { alt: "", draggable: "false" });
  private readonly handles = CORNERS.map((corner) => element("i", "", { "data-corner": String(corner) }));
  private current: { picture: SmallPicture; place: Rectangle; url: string } | null = null;
  private readonly pointers = new Map<number, Place>();
  private grip: Grip | null = null;

  constructor(
    private readonly host: PlacementHost,
    signal: AbortSignal,
  ) {
    const label = say("The picture that you place: arrows move it, + and - scale it, Enter puts it down");
    this.area = element("div", "rw-pad-place-area", { tabindex: "0", role: "application", "aria-label": label });
    this.area.append(this.picture, ...this.handles);
    const put = button("rw-pad-put", say("Put the picture under the sketch"), "Enter", icon(CHECK), say("Put down"));
    const fill = button("", say("Fill the canvas with the picture"), "0", say("Fill"));
    const whole = button("", say("Show all of the picture"), "1", say("All of it"));
    const leave = button("", say("Leave the picture out"), "Esc", icon(CROSS));
    put.addEventListener("click", () => this.putDown());
    fill.addEventListener("click", () => this.centre("fill"));
    whole.addEventListener("click", () => this.centre("whole"));
    leave.addEventListener("click", () => this.cancel());
    const bar = element("div", "rw-pad-place-bar", {}, put, fill, whole, leave);
    this.layer = element("div", "rw-pad-place", { role: "group", "aria-label": say("Place the picture") });
    this.layer.append(this.area, bar);
    this.layer.hidden = true;
    for (const part of [this.area, ...bar.children]) part.setAttribute("data-lm-suppress-shortcuts", "true");
    this.listen(signal);
  }

  get isActive(): boolean {
    return this.current !== null;
  }

  /** Shows a picture, which fills the painting at first. One that is being placed is put down before. */
  begin(picture: SmallPicture): void {
    this.putDown();
    const place = centred(picture.width, picture.height, this.host.side(), "fill");
    this.current = { picture, place, url: URL.createObjectURL(picture.blob) };
    this.picture.src = this.current.url;
    this.layer.hidden = false;
    this.update();
    this.area.focus({ preventScroll: true });
    this.host.announce(say("%1: arrows move it, + and - scale it, Enter puts it down, Escape leaves it", picture.name));
  }

  /** Puts the picture down where it is; if nobody takes it, it stays. */
  putDown(): void {
    if (!this.current || !this.host.put(this.current.picture, this.current.place)) return;
    this.end();
  }

  cancel(): void {
    if (!this.current) return;
    this.end();
    this.host.announce(say("canceled"));
  }

  /** Shows it where the view shows its place. */
  update(): void {
    if (!this.current) return;
    const { viewport } = this.host;
    const { place } = this.current;
    const [x0, y0] = viewport.fromRaster(cornerOf(place, 0));
    const [x1, y1] = viewport.fromRaster(cornerOf(place, 2));
    Object.assign(this.picture.style, {
      left: `${x0}px`,
      top: `${y0}px`,
      width: `${x1 - x0}px`,
      height: `${y1 - y0}px`,
    });
    const within = (at: number) => Math.min(viewport.width - HANDLE_MARGIN, Math.max(HANDLE_MARGIN, at));
    this.handles.forEach((handle, index) => {
      const [x, y] = viewport.fromRaster(cornerOf(place, index as Corner));
      handle.style.left = `${within(x)}px`;
      handle.style.top = `${within(y)}px`;
    });
    this.layer.dataset["place"] = place.map((value) => Math.round(10 * value) / 10).join(" ");
  }

  /** Frees what it holds. */
  close(): void {
    if (this.current) URL.revokeObjectURL(this.current.url);
    this.current = null;
  }

  private end(): void {
    const hadFocus = this.layer.contains(document.activeElement);
    this.close();
    this.pointers.clear();
    this.grip = null;
    this.layer.hidden = true;
    this.picture.removeAttribute("src");
    if (hadFocus) this.host.returnFocus();
  }

  private change(next: (place: Rectangle, side: number) => Rectangle): void {
    if (!this.current) return;
    this.current.place = next(this.current.place, this.host.side());
    this.update();
  }

  private centre(how: "fill" | "whole"): void {
    if (!this.current) return;
    const { width, height } = this.current.picture;
    this.change((_, side) => centred(width, height, side, how));
    this.area.focus({ preventScroll: true });
  }

  private listen(signal: AbortSignal): void {
    const { area, host } = this;
    area.addEventListener("pointerdown", (event) => this.press(event), { signal });
    area.addEventListener("pointermove", (event) => this.move(event), { signal });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
      area.addEventListener(name, (event) => this.release(event), { signal });
    }
    area.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
    this.layer.addEventListener("keydown", (event) => this.key(event), { signal });
    const leave = (target: EventTarget | null) => {
      if (target instanceof Node && target !== document && !host.root.contains(target)) this.putDown();
    };
    window.addEventListener("pointerdown", (event) => leave(event.target), { signal, capture: true });
    host.root.addEventListener("focusout", (event) => leave(event.relatedTarget), { signal });
    window.addEventListener("pagehide", () => this.putDown(), { signal });
  }

  private press(event: PointerEvent): void {
    event.preventDefault();
    event.stopPropagation();
    if (!this.current || event.button > 0) return;
    this.area.focus({ preventScroll: true });
    const at = this.rasterOf(event);
    const named = event.target instanceof HTMLElement ? event.target.dataset["corner"] : undefined;
    if (!this.pointers.size) {
      if (named === undefined && !contains(this.current.place, at)) {
        this.putDown();
        return;
      }
      const corner = named === undefined ? null : (Number(named) as Corner);
      const [x, y] = cornerOf(this.current.place, corner ?? 0);
      this.grip = { corner, offset: [x - at[0], y - at[1]] };
    } else this.grip = null;
    this.pointers.set(event.pointerId, at);
    try {
      this.area.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already.
    }
  }

  private move(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!this.current || !before) return;
    const at = this.rasterOf(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) this.pinch(before, at, other);
    else if (this.grip) this.drag(this.grip, at, !event.shiftKey);
    this.pointers.set(event.pointerId, at);
  }

  private drag({ corner, offset }: Grip, [x, y]: Place, keepsShape: boolean): void {
    const to: Place = [x + offset[0], y + offset[1]];
    this.change((place, side) =>
      corner === null
        ? moved(place, to[0] - place[0], to[1] - place[1], side)
        : drawn(place, corner, to, keepsShape, side),
    );
  }

  private pinch(from: Place, to: Place, other: Place): void {
    const distance = (a: Place, b: Place) => Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1]));
    const middle = (a: Place, b: Place): Place => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [before, after] = [middle(from, other), middle(to, other)];
    const factor = distance(to, other) / distance(from, other);
    this.change((place, side) => {
      const shifted = moved(place, after[0] - before[0], after[1] - before[1], side);
      return scaled(shifted, factor, factor, side, after);
    });
  }

  private release(event: PointerEvent): void {
    if (!this.pointers.delete(event.pointerId)) return;
    this.grip = null;
    const [left] = this.pointers.values();
    // The finger that stays goes on moving the picture.
    if (left && this.current) {
      this.grip = { corner: null, offset: [this.current.place[0] - left[0], this.current.place[1] - left[1]] };
    }
  }

  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    const factor = Math.exp(-Math.max(-50, Math.min(50, event.deltaY)) * ZOOM_PER_WHEEL_PIXEL);
    const at = this.rasterOf(event);
    this.change((place, side) => scaled(place, factor, factor, side, at));
  }

  private key(event: KeyboardEvent): void {
    const isOnButton = event.target !== this.area;
    if (!this.current || (isOnButton && event.key !== "Escape")) return;
    const arrow = ARROWS[event.key];
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.key === "Enter") {
      this.putDown();
      this.host.run();
    } else if (isCommand && event.key.toLowerCase() === "z") this.cancel();
    else if (isCommand || event.altKey) return;
    else if (arrow) {
      const step = event.shiftKey ? this.host.side() * LARGE_STEP : 1;
      this.change((place, side) => moved(place, arrow[0] * step, arrow[1] * step, side));
    } else if (event.key === "Enter") this.putDown();
    else if (event.key === "Escape") this.cancel();
    else if (event.key === "?") this.host.help();
    else if (event.key === "0") this.centre("fill");
    else if (event.key === "1") this.centre("whole");
    else if (event.key === "+" || event.key === "=") this.scale(SCALE, SCALE);
    else if (event.key === "-") this.scale(1 / SCALE, 1 / SCALE);
    else if (event.key === "]") this.scale(SCALE, 1);
    else if (event.key === "[") this.scale(1 / SCALE, 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.describe();
  }

  private scale(across: number, down: number): void {
    this.change((place, side) => scaled(place, across, down, side));
  }

  /** Tells a screen reader where the picture lies. */
  private describe(): void {
    if (!this.current) return;
    const [left, top, width, height] = this.current.place.map(Math.round);
    this.host.announce(say("at %1, %2, %3 by %4", left ?? 0, top ?? 0, width ?? 0, height ?? 0));
  }

  private rasterOf({ clientX, clientY }: MouseEvent): Place {
    return this.host.viewport.toRaster(clientX, clientY);
  }
}
