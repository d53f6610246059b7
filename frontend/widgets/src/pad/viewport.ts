import type { Place } from "./messages";
import { hostOf } from "./scene";

const STOPS = [1, 1.5, 2, 3, 4, 6, 8, 12, 16];
const MOST_ZOOM = 16;
/** From this zoom on, single pixels are drawn as squares. */
const PIXELATED_ZOOM = 3;
const MARGIN = 24;

/** Zoom and position of the painting on the page. Applied by styles only, and not synced. */
export class Viewport {
  zoom = 1;
  private x = 0;
  private y = 0;

  constructor(
    private readonly surface: HTMLElement,
    private readonly side: () => number,
    private readonly changed: () => void,
  ) {}

  /** Converts window coordinates to pixels of the surface. */
  onSurface(clientX: number, clientY: number): Place {
    const box = this.surface.getBoundingClientRect();
    const scale = this.width / (box.width || 1);
    return [(clientX - box.left) * scale, (clientY - box.top) * scale];
  }

  /** Converts window coordinates to raster units, to two decimals. */
  toRaster(clientX: number, clientY: number): Place {
    return this.toRasterFrom(this.onSurface(clientX, clientY));
  }

  /** Converts pixels of the surface to raster units, to two decimals. */
  toRasterFrom([x, y]: Place): Place {
    const units = (pixels: number) => Math.round((100 * this.side() * pixels) / (this.width * this.zoom)) / 100;
    return [units(x - this.x), units(y - this.y)];
  }

  /** Converts raster units to pixels of the surface. */
  fromRaster([x, y]: Place): Place {
    const scale = (this.width * this.zoom) / this.side();
    return [x * scale + this.x, y * scale + this.y];
  }

  /** Zooms around a point of the surface, by default its middle. */
  zoomTo(zoom: number, [x, y]: Place = [this.width / 2, this.width / 2]): void {
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom));
    const factor = next / this.zoom;
    this.zoom = next;
    this.moveTo(x - (x - this.x) * factor, y - (y - this.y) * factor);
  }

  /** Zooms to the next stop, in (1) or out (-1). */
  step(direction: 1 | -1, anchor?: Place): void {
    const next =
      direction > 0 ? STOPS.find((stop) => stop > this.zoom * 1.01) : STOPS.findLast((stop) => stop < this.zoom * 0.99);
    if (next) this.zoomTo(next, anchor);
  }

  panBy(dx: number, dy: number): void {
    this.moveTo(this.x + dx, this.y + dy);
  }

  /** Moves the painting, if needed, so that a raster point is visible. */
  reveal(place: Place): void {
    const margin = Math.min(MARGIN, this.width / 8);
    const [x, y] = this.fromRaster(place);
    const shift = (at: number) => Math.max(0, margin - at) - Math.max(0, at - (this.width - margin));
    if (shift(x) || shift(y)) this.panBy(shift(x), shift(y));
  }

  /** Of the surface, in CSS pixels. */
  get width(): number {
    return this.surface.offsetWidth || 1;
  }

  private moveTo(x: number, y: number): void {
    const least = this.width * (1 - this.zoom);
    this.x = Math.min(0, Math.max(least, x));
    this.y = Math.min(0, Math.max(least, y));
    const host = hostOf(this.surface);
    host.style.setProperty("--rw-zoom", String(this.zoom));
    host.style.setProperty("--rw-pan-x", `${this.x}px`);
    host.style.setProperty("--rw-pan-y", `${this.y}px`);
    host.classList.toggle("rw-close", this.zoom >= PIXELATED_ZOOM);
    this.changed();
  }
}
