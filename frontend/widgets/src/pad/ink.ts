import { createCanvas } from "@robust-widgets/shared/dom";
import { mirrored, weighted, type Brush, type Place, type Point } from "./messages";
import { TINT, canvasOf, pixelsOf, stripeOpacity, type Scene } from "./scene";

/** How much a level of 255 may differ on the canvas. */
const TOLERANCE = 4;
const SAMPLES = 24;

type Box = [left: number, top: number, right: number, bottom: number];
const NOTHING: Box = [Infinity, Infinity, -Infinity, -Infinity];

/** A pixel, and what the canvas shows there once Python has painted the ink. */
interface Sample {
  x: number;
  y: number;
  expected: number[];
}

// Starts at a random number, so that two browser tabs on one notebook use different ones.
let nextId = Math.floor(Math.random() * 2 ** 32) * 2 ** 16;

/** Paint that Python has not drawn yet, as it will look. It is opaque wherever it covers anything, so that nothing shows
 * twice once Python's own paint lies below. Shapes and blending are those of strokes.py. */
export class Ink {
  readonly id = nextId++;
  hasEnded = false;
  /** When Python reported that it is painted, in milliseconds; 0 before. */
  paintedAt = 0;
  last: Point | null = null;
  /** The scene with this ink on it. */
  after: Scene | null;
  private context: CanvasRenderingContext2D;
  private image: ImageData;
  private coverage: Uint8ClampedArray;
  private scratch: CanvasRenderingContext2D | null = null;
  private box = NOTHING;
  private readonly samples: Sample[] = [];
  private readonly color: [number, number, number];

  constructor(
    private before: Scene,
    readonly brush: Brush,
  ) {
    const { side } = before;
    this.context = createCanvas(side, side);
    this.image = this.context.createImageData(side, side);
    this.coverage = new Uint8ClampedArray(side * side);
    this.after = { ...before, painting: before.painting.slice(), mask: before.mask.slice() };
    const value = parseInt(brush.color.slice(1), 16);
    this.color = [(value >> 16) & 255, (value >> 8) & 255, value & 255];
  }

  get radius(): number {
    return this.brush.size / 2;
  }

  get isEmpty(): boolean {
    return this.box[0] === Infinity;
  }

  /** Extends the stroke to a point. Each pixel keeps its largest coverage, so a stroke that crosses itself does not build
   * up. */
  lineTo(point: Point): void {
    const { side } = this.before;
    const starts = mirrored(this.last ?? point, this.brush.mirror ?? "none", side);
    const ends = mirrored(point, this.brush.mirror ?? "none", side);
    this.last = point;
    starts.forEach((start, index) => this.segment(start, ends[index] ?? start));
  }

  private segment([ax, ay, startPressure]: Point, [bx, by, endPressure]: Point): void {
    const { side } = this.before;
    const at = (pressure: number) => weighted(pressure, this.brush.pressure ?? "size");
    const [[startWidth, startOpacity], [endWidth, endOpacity]] = [at(startPressure), at(endPressure)];
    const [start, end] = [this.radius * startWidth, this.radius * endWidth];
    const widest = Math.max(start, end) + 1;
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - widest));
    const top = Math.max(0, Math.floor(Math.min(ay, by) - widest));
    const right = Math.min(side, Math.ceil(Math.max(ax, bx) + widest));
    const bottom = Math.min(side, Math.ceil(Math.max(ay, by) + widest));
    if (left >= right || top >= bottom) return;
    const [dx, dy] = [bx - ax, by - ay];
    const lengthSquared = dx * dx + dy * dy;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
        const along = lengthSquared ? Math.min(1, Math.max(0, (px * dx + py * dy) / lengthSquared)) : 0;
        const radius = start + along * (end - start);
        const distance = Math.hypot(px - along * dx, py - along * dy);
        const shape = Math.min(1, (radius + 0.5 - distance) / (this.brush.softness * radius + 1));
        this.cover(x, y, 255 * shape * (startOpacity + along * (endOpacity - startOpacity)));
      }
    }
    this.update([left, top, right, bottom]);
  }

  /** Covers the inside of a polygon, in place of what was covered before. */
  fill(corners: Place[]): void {
    const { side } = this.before;
    this.reset();
    this.scratch ??= createCanvas(side, side, { willReadFrequently: true });
    this.scratch.clearRect(0, 0, side, side);
    const images = corners.map((corner) => mirrored(corner, this.brush.mirror ?? "none", side));
    for (let image = 0; image < (images[0]?.length ?? 0); image++) {
      this.scratch.beginPath();
      for (const places of images) this.scratch.lineTo(...(places[image] ?? [0, 0]));
      this.scratch.fill("evenodd");
    }
    const { data } = this.scratch.getImageData(0, 0, side, side);
    let isCovered = false;
    for (let at = 0; at < this.coverage.length; at++) {
      const alpha = data[4 * at + 3] ?? 0;
      if (!alpha) continue;
      isCovered = true;
      this.cover(at % side, Math.floor(at / side), alpha);
    }
    if (isCovered) this.update([0, 0, side, side]);
  }

  /** Removes all coverage, to start again. */
  reset(): void {
    this.last = null;
    this.coverage.fill(0);
    this.after?.painting.set(this.before.painting);
    this.after?.mask.set(this.before.mask);
    this.image.data.fill(0);
    this.box = NOTHING;
    this.context.clearRect(0, 0, this.before.side, this.before.side);
  }

  /** Ends the ink and frees everything except what is needed to show it and to recognise it on the canvas: a slow kernel
   * leaves many waiting. */
  seal(): void {
    this.hasEnded = true;
    const [left, top, right, bottom] = this.box;
    if (this.isEmpty) return;
    this.takeSamples();
    const small = createCanvas(right - left, bottom - top);
    small.drawImage(this.context.canvas, -left, -top);
    this.context = small;
    this.scratch = null;
    this.coverage = new Uint8ClampedArray();
    this.image = new ImageData(1, 1);
    this.before = { ...this.before, painting: this.coverage, image: this.coverage, mask: this.coverage };
  }

  /** Frees the scene, which later ink already contains. */
  release(): void {
    this.after = null;
  }

  /** Whether the canvas below shows this ink; true if there is nothing to compare. */
  isOnCanvas(host: HTMLElement): boolean {
    const isMask = this.brush.layer === "mask";
    const canvas = canvasOf(host, isMask ? "mask" : "painting");
    if (!canvas) return true;
    const pixels = pixelsOf(canvas);
    return this.samples.every(({ x, y, expected }) => {
      const at = 4 * (y * canvas.width + x);
      const isNear = (value: number, channel: number) => Math.abs((pixels[at + channel] ?? 0) - value) <= TOLERANCE;
      return expected.every((value, channel) => (isMask && channel < 3) || isNear(value, channel));
    });
  }

  draw(context: CanvasRenderingContext2D): void {
    const [left, top] = this.box;
    if (!this.isEmpty) context.drawImage(this.context.canvas, this.hasEnded ? left : 0, this.hasEnded ? top : 0);
  }

  /** Takes some of the covered pixels, evenly spread. */
  private takeSamples(): void {
    const { side } = this.before;
    const covered = this.coverage.reduce((count, cover) => count + Number(cover > 0), 0);
    const stride = Math.max(1, Math.floor(covered / SAMPLES));
    let seen = 0;
    for (let at = 0; at < this.coverage.length; at++) {
      if (!this.coverage[at] || seen++ % stride) continue;
      const [x, y] = [at % side, Math.floor(at / side)];
      const expected =
        this.brush.layer === "mask"
          ? [0, 0, 0, (this.after?.mask[at] ?? 0) * stripeOpacity(x, y)]
          : [...(this.after?.painting.subarray(4 * at, 4 * at + 3) ?? [])];
      this.samples.push({ x, y, expected });
    }
  }

  /** Raises a pixel's coverage, 0 to 255, and blends the paint with what lies below. */
  private cover(x: number, y: number, coverage: number): void {
    const at = y * this.before.side + x;
    const cover = Math.round(coverage);
    const { after } = this;
    if (!after || cover <= (this.coverage[at] ?? 0)) return;
    this.coverage[at] = cover;
    const alpha = (cover / 255) * this.brush.opacity;
    const isErasing = this.brush.tool === "eraser";
    const masked = this.before.mask[at] ?? 0;
    if (this.brush.layer === "mask") {
      after.mask[at] = masked + ((isErasing ? 0 : 255) - masked) * alpha;
    } else {
      for (let channel = 0; channel < 3; channel++) {
        const below = this.before.painting[4 * at + channel] ?? 0;
        // Erasing blends with the image below, which shrinks the sketch's share by the same factor.
        const above = isErasing ? (this.before.image[4 * at + channel] ?? 0) : (this.color[channel] ?? 0);
        after.painting[4 * at + channel] = below + (above - below) * alpha;
      }
    }
    const tint = ((after.mask[at] ?? 0) / 255) * stripeOpacity(x, y);
    for (let channel = 0; channel < 3; channel++) {
      const color = after.painting[4 * at + channel] ?? 0;
      this.image.data[4 * at + channel] = color + ((TINT[channel] ?? 0) - color) * tint;
    }
    this.image.data[4 * at + 3] = 255;
  }

  private update([left, top, right, bottom]: Box): void {
    this.context.putImageData(this.image, 0, 0, left, top, right - left, bottom - top);
    const [x0, y0, x1, y1] = this.box;
    this.box = [Math.min(x0, left), Math.min(y0, top), Math.max(x1, right), Math.max(y1, bottom)];
  }
}
