import type { Place } from "./protocol";
import { hostOf } from "./scene";

export const STOPS = [1, 1.5, 2, 3, 4, 6, 8, 12, 16];
const CLOSEST = 16;
const PIXELS_SHOW = 3;

/** How the page looks onto the painting: magnified and moved by style alone. Kept in the browser. */
export class Viewport {
  zoom = 1;
  private x = 0;
  private y = 0;

  constructor(
    private readonly surface: HTMLElement,
    private readonly side: () => number,
    private readonly changed: () => void,
  ) {}

  /** A point of the window, in pixels of the surface. */
  onSurface(clientX: number, clientY: number): Place {
    const box = this.surface.getBoundingClientRect();
    const scale = this.width / (box.width || 1);
    return [(clientX - box.left) * scale, (clientY - box.top) * scale];
  }

  /** A point of the window, in raster units. */
  toRaster(clientX: number, clientY: number): Place {
    const [x, y] = this.onSurface(clientX, clientY);
    const units = (pixels: number) => Math.round((100 * this.side() * pixels) / (this.width * this.zoom)) / 100;
    return [units(x - this.x), units(y - this.y)];
  }

  /** A raster point, in pixels of the surface. */
  fromRaster([x, y]: Place): Place {
    const scale = (this.width * this.zoom) / this.side();
    return [x * scale + this.x, y * scale + this.y];
  }

  /** Magnify, with the given point of the surface staying where it is; by default its middle. */
  zoomTo(zoom: number, [x, y]: Place = [this.width / 2, this.width / 2]): void {
    const next = Math.min(CLOSEST, Math.max(1, zoom));
    const factor = next / this.zoom;
    this.zoom = next;
    this.moveTo(x - (x - this.x) * factor, y - (y - this.y) * factor);
  }

  /** To the next stop, closer (1) or farther (-1). */
  step(direction: 1 | -1, anchor?: Place): void {
    const next =
      direction > 0 ? STOPS.find((stop) => stop > this.zoom * 1.01) : STOPS.filter((stop) => stop < this.zoom * 0.99).at(-1);
    if (next) this.zoomTo(next, anchor);
  }

  panBy(dx: number, dy: number): void {
    this.moveTo(this.x + dx, this.y + dy);
  }

  /** Move so that a raster point can be seen. */
  reveal(place: Place): void {
    const margin = Math.min(24, this.width / 8);
    const [dx, dy] = this.fromRaster(place).map(
      (at) => Math.max(0, margin - at) - Math.max(0, at - (this.width - margin)),
    ) as Place;
    if (dx || dy) this.panBy(dx, dy);
  }

  private get width(): number {
    return this.surface.offsetWidth || 1;
  }

  private moveTo(x: number, y: number): void {
    const least = this.width * (1 - this.zoom);
    this.x = Math.min(0, Math.max(least, x));
    this.y = Math.min(0, Math.max(least, y));
    const host = hostOf(this.surface);
    host.style.setProperty("--rw-zoom", `${this.zoom}`);
    host.style.setProperty("--rw-pan-x", `${this.x}px`);
    host.style.setProperty("--rw-pan-y", `${this.y}px`);
    host.classList.toggle("rw-close", this.zoom >= PIXELS_SHOW);
    this.changed();
  }
}
