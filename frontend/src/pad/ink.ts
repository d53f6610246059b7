import type { Brush, Place, Point } from "./protocol";
import { TINT, canvasOf, veil, type Scene } from "./scene";

const FAINTEST_WIDTH = 0.3;
const NEAR = 4;
const SAMPLES = 24;

// Random start, so that two browser tabs on one notebook do not use the same numbers.
let nextId = Math.floor(Math.random() * 2 ** 32) * 2 ** 16;

/** What a tool has painted and Python has not yet drawn, as it will look: opaque wherever it covers anything, so that
 * nothing is seen twice once Python's own paint lies below. The same shapes and mixture as in strokes.py. */
export class Ink {
  readonly id = nextId++;
  private canvas = document.createElement("canvas");
  ended = false;
  /** when Python said that it is drawn, in milliseconds */
  painted = 0;
  last: Point | null = null;
  /** the scene with this ink on it */
  after: Scene | null;
  private readonly context: CanvasRenderingContext2D;
  private image: ImageData;
  private coverage: Uint8ClampedArray;
  private readonly samples: { x: number; y: number; wanted: number[] }[] = [];
  private readonly color: [number, number, number];
  private scratch: CanvasRenderingContext2D | null = null;
  private box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];

  constructor(
    private base: Scene,
    readonly brush: Brush,
  ) {
    const { side } = base;
    this.canvas.width = this.canvas.height = side;
    this.context = this.canvas.getContext("2d") as CanvasRenderingContext2D;
    this.image = this.context.createImageData(side, side);
    this.coverage = new Uint8ClampedArray(side * side);
    this.after = { ...base, painting: base.painting.slice(), mask: base.mask.slice() };
    const value = parseInt(brush.color.slice(1), 16);
    this.color = [(value >> 16) & 255, (value >> 8) & 255, value & 255];
  }

  get radius(): number {
    return this.brush.size / 2;
  }

  /** Go on to a point; each pixel keeps its largest coverage, so that a stroke crossing itself does not build up. */
  reach(point: Point): void {
    const [ax, ay, ap] = this.last ?? point;
    const [bx, by, bp] = point;
    const { side } = this.base;
    this.last = point;
    const start = this.radius * (FAINTEST_WIDTH + (1 - FAINTEST_WIDTH) * ap);
    const growth = this.radius * (FAINTEST_WIDTH + (1 - FAINTEST_WIDTH) * bp) - start;
    const widest = Math.max(start, start + growth) + 1;
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
        const radius = start + along * growth;
        const distance = Math.hypot(px - along * dx, py - along * dy);
        this.lay(x, y, 255 * Math.min(1, (radius + 0.5 - distance) / (this.brush.softness * radius + 1)));
      }
    }
    this.show(left, top, right, bottom);
  }

  /** Cover the inside of a polygon, instead of what was covered before. */
  fill(corners: Place[]): void {
    const { side } = this.base;
    this.reset();
    this.scratch ??= Object.assign(document.createElement("canvas"), { width: side, height: side }).getContext("2d", {
      willReadFrequently: true,
    });
    if (!this.scratch) return;
    this.scratch.clearRect(0, 0, side, side);
    this.scratch.beginPath();
    for (const [x, y] of corners) this.scratch.lineTo(x, y);
    this.scratch.fill("evenodd");
    const { data } = this.scratch.getImageData(0, 0, side, side);
    let covered = false;
    for (let at = 0; at < this.coverage.length; at++) {
      const alpha = data[4 * at + 3] ?? 0;
      if (!alpha) continue;
      covered = true;
      this.lay(at % side, Math.floor(at / side), alpha);
    }
    if (covered) this.show(0, 0, side, side);
  }

  /** Take all of it back, to begin anew. */
  reset(): void {
    this.last = null;
    this.coverage.fill(0);
    this.after?.painting.set(this.base.painting);
    this.after?.mask.set(this.base.mask);
    this.image.data.fill(0);
    this.box = [Infinity, Infinity, -Infinity, -Infinity];
    this.context.clearRect(0, 0, this.base.side, this.base.side);
  }

  get isEmpty(): boolean {
    return this.box[0] === Infinity;
  }

  /** Nothing more comes: keep only what is needed to show it and to know it again. There may be many to wait for. */
  seal(): void {
    this.ended = true;
    const [left, top, right, bottom] = this.box;
    if (this.isEmpty) return;
    const { side } = this.base;
    const covered = this.coverage.reduce((count, cover) => count + Number(cover > 0), 0);
    const stride = Math.max(1, Math.floor(covered / SAMPLES));
    let seen = 0;
    for (let at = 0; at < this.coverage.length; at++) {
      if (!this.coverage[at] || seen++ % stride) continue;
      const [x, y] = [at % side, Math.floor(at / side)];
      const wanted =
        this.brush.layer === "mask"
          ? [0, 0, 0, (this.after?.mask[at] ?? 0) * veil(x, y)]
          : [...(this.after?.painting.subarray(4 * at, 4 * at + 3) ?? [])];
      this.samples.push({ x, y, wanted });
    }
    const small = document.createElement("canvas");
    small.width = right - left;
    small.height = bottom - top;
    small.getContext("2d")?.drawImage(this.canvas, -left, -top);
    this.canvas = small;
    this.scratch = null;
    this.coverage = new Uint8ClampedArray();
    this.image = new ImageData(1, 1);
    this.base = { ...this.base, painting: this.coverage, image: this.coverage, mask: this.coverage };
  }

  /** Later ink has taken this one into account. */
  release(): void {
    this.after = null;
  }

  /** Whether the canvas below shows this ink; true where there is nothing to compare. */
  isShown(host: HTMLElement): boolean {
    const onMask = this.brush.layer === "mask";
    const context = canvasOf(host, onMask ? "mask" : "painting")?.getContext("2d");
    if (!context) return true;
    return this.samples.every(({ x, y, wanted }) => {
      const { data } = context.getImageData(x, y, 1, 1);
      return wanted.every((value, channel) => (onMask && channel < 3) || Math.abs((data[channel] ?? 0) - value) <= NEAR);
    });
  }

  draw(context: CanvasRenderingContext2D): void {
    const [left, top] = this.box;
    if (!this.isEmpty) context.drawImage(this.canvas, this.ended ? left : 0, this.ended ? top : 0);
  }

  private lay(x: number, y: number, covered: number): void {
    const at = y * this.base.side + x;
    const cover = Math.round(covered);
    const { after } = this;
    if (!after || cover <= (this.coverage[at] ?? 0)) return;
    this.coverage[at] = cover;
    const much = (cover / 255) * this.brush.opacity;
    const erasing = this.brush.tool === "eraser";
    const masked = this.base.mask[at] ?? 0;
    if (this.brush.layer === "mask") {
      after.mask[at] = masked + ((erasing ? 0 : 255) - masked) * much;
    } else {
      for (let channel = 0; channel < 3; channel++) {
        const below = this.base.painting[4 * at + channel] ?? 0;
        // To erase is to blend with the image below: the sketch's share shrinks by the same factor.
        const above = erasing ? (this.base.image[4 * at + channel] ?? 0) : (this.color[channel] ?? 0);
        after.painting[4 * at + channel] = below + (above - below) * much;
      }
    }
    const tint = ((after.mask[at] ?? 0) / 255) * veil(x, y);
    for (let channel = 0; channel < 3; channel++) {
      const seen = after.painting[4 * at + channel] ?? 0;
      this.image.data[4 * at + channel] = seen + ((TINT[channel] ?? 0) - seen) * tint;
    }
    this.image.data[4 * at + 3] = 255;
  }

  private show(left: number, top: number, right: number, bottom: number): void {
    this.context.putImageData(this.image, 0, 0, left, top, right - left, bottom - top);
    const [x0, y0, x1, y1] = this.box;
    this.box = [Math.min(x0, left), Math.min(y0, top), Math.max(x1, right), Math.max(y1, bottom)];
  }
}
