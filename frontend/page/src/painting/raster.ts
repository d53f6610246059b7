/** The painted pixels: layers, strokes, fills, masks, and their history. As `raster.py`, whose pixels it gives. */
import { mirrored, type Mirror } from "@robust-widgets/widgets/pad/messages";
import type { Drawn } from "./drawing";
import { feather, floodFill } from "./fill";
import {
  CHANNELS,
  Change,
  ChangeHistory,
  copyBox,
  Patch,
  union,
  type Box,
  type LayerName,
  type Layers,
  type PaintLayer,
} from "./layers";
import {
  areaCoverage,
  cover,
  paintBehind,
  paintBox,
  type Color,
  type Corner,
  type PaintTool,
  type Point,
  type Stroke,
} from "./strokes";

export const SIDE = 256;
const PAPER = 255;
/** How much the sum of three channels may differ within an area of similar colour. */
const FILL_TOLERANCE = 48;
const MIDDLE = 127;
/** Of a stroke in a drawing; of a longer one, every second point is left out. */
const MOST_POINTS = 20_000;

export interface Brush {
  readonly tool: PaintTool;
  /** "#rrggbb". */
  readonly color: string;
  readonly size: number;
  readonly softness: number;
  readonly opacity: number;
  readonly layer: PaintLayer;
  /** Where the paint is repeated. */
  readonly mirror?: Mirror;
}

export function colorOf(text: string): Color {
  const value = parseInt(text.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Three square layers of pixels.
 *
 * Only one stroke is painted at a time: any other change commits it, so the history stays in order. A stroke that is
 * extended after it was committed continues from its last point as a separate change. */
export class Raster {
  readonly layers: Layers;
  /** Layers that are not seen in {@link composite}. */
  hidden: ReadonlySet<LayerName> = new Set();
  private readonly history: ChangeHistory;
  private painting: Stroke | null = null;

  constructor(readonly side = SIDE) {
    this.layers = {
      image: new Uint8Array(side * side * CHANNELS.image).fill(PAPER),
      sketch: new Uint8Array(side * side * CHANNELS.sketch),
      mask: new Uint8Array(side * side),
    };
    this.history = new ChangeHistory(side);
  }

  get whole(): Box {
    return [0, 0, this.side, this.side];
  }

  get canUndo(): boolean {
    return this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  /** Whether there is no paint on the sketch. */
  get isUnpainted(): boolean {
    const { sketch } = this.layers;
    for (let at = 3; at < sketch.length; at += 4) if (sketch[at]) return false;
    return true;
  }

  /** Whether nothing was painted and no picture was loaded; the mask does not count. */
  get isBlank(): boolean {
    return this.isUnpainted && this.layers.image.every((value) => value === PAPER);
  }

  /** What is on the sketch, as lines and areas, the oldest first. */
  get drawn(): readonly Drawn[] {
    this.commit();
    return this.history.drawn;
  }

  /** Tells that there is paint of which only the pixels are known. */
  keepPixels(): void {
    if (!this.isUnpainted) this.history.keep([{ kind: "pixels" }]);
  }

  /** Whether nothing is seen: the canvas is blank, or what is on it is hidden; the mask does not count. */
  get showsNothing(): boolean {
    const isPaper = () => this.layers.image.every((value) => value === PAPER);
    return (this.hidden.has("sketch") || this.isUnpainted) && (this.hidden.has("image") || isPaper());
  }

  get hasMask(): boolean {
    return this.layers.mask.some((value) => value > MIDDLE);
  }

  /** The sketch over the image, without what is hidden: red, green, blue for each pixel of a rectangle, by default of the whole raster. */
  composite([left, top, right, bottom]: Box = this.whole): Uint8Array {
    const { image, sketch } = this.layers;
    const [showsSketch, showsImage] = [!this.hidden.has("sketch"), !this.hidden.has("image")];
    const seen = new Uint8Array((right - left) * (bottom - top) * 3);
    let to = 0;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const at = y * this.side + x;
        const alpha = showsSketch ? (sketch[4 * at + 3] ?? 0) / 255 : 0;
        for (let channel = 0; channel < 3; channel++) {
          const below = showsImage ? (image[3 * at + channel] ?? 0) : PAPER;
          seen[to++] = Math.round(below + ((sketch[4 * at + channel] ?? 0) - below) * alpha);
        }
      }
    }
    return seen;
  }

  /** The mask with a hard edge, 0 or 255. */
  maskLevels(): Uint8Array {
    return this.layers.mask.map((value) => (value > MIDDLE ? 255 : 0));
  }

  /** The visible colour at a point, as "#rrggbb"; null outside. */
  colorAt(x: number, y: number): string | null {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!this.contains(column, row)) return null;
    const seen = this.composite([column, row, column + 1, row + 1]);
    return `#${[...seen].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  }

  begin({ tool, color, size, softness, opacity, layer, mirror = "none" }: Brush): Stroke {
    this.commit();
    this.painting = {
      ...{ tool, size, softness, opacity, layer, mirror },
      color: colorOf(color),
      base: this.layers[layer].slice(),
      coverage: new Float32Array(this.side * this.side),
      touched: null,
      last: null,
      points: [],
    };
    return this.painting;
  }

  /** Continues a stroke; returns the changed rectangle. */
  extend(stroke: Stroke, points: readonly Point[]): Box | null {
    const target = this.layers[stroke.layer];
    if (points.length && stroke !== this.painting) {
      this.commit();
      stroke.base = target.slice();
      stroke.touched = null;
      stroke.coverage.fill(0);
      stroke.points = stroke.points.slice(-1); // it goes on from there
      this.painting = stroke;
    }
    let changed: Box | null = null;
    for (const point of points) {
      changed = union(changed, cover(stroke, stroke.last ?? point, point, this.side));
      stroke.last = point;
      stroke.points.push(point);
      if (stroke.points.length > MOST_POINTS) {
        stroke.points = stroke.points.filter((_, index) => index % 2 === 0 || index === stroke.points.length - 1);
      }
    }
    if (!changed) return null;
    paintBox(target, stroke.base, stroke.layer, stroke, stroke.coverage, changed, this.side);
    stroke.touched = union(stroke.touched, changed);
    return changed;
  }

  /** Ends a stroke and adds it to the history; false if it never touched the raster, or was committed before. */
  finish(stroke: Stroke): boolean {
    return stroke === this.painting && this.commit();
  }

  /** Fills a polygon and its images; returns the changed rectangle, null if it is outside. */
  paintArea(corners: readonly Corner[], brush: Brush): Box | null {
    if (corners.length < 3) return null;
    const images = corners.map((corner) => mirrored(corner, brush.mirror ?? "none", this.side));
    const [first = new Float32Array(), ...others] = (images[0] ?? []).map((_, image) =>
      areaCoverage(
        images.map((places, index) => places[image] ?? corners[index] ?? [0, 0]),
        this.side,
      ),
    );
    for (const other of others) other.forEach((value, at) => (first[at] = Math.max(first[at] ?? 0, value)));
    const { color, opacity, mirror = "none" } = brush;
    return this.paint(first, brush, { kind: "area", color: colorOf(color), opacity, mirror, corners });
  }

  /** Fills the area of similar colour around a point; returns the changed rectangle, null if it is outside.
   *
   * On the sketch, the colour also goes under the soft edges of the surrounding paint, to leave no pale rim. On the
   * mask, the area ends where the colour or the mask changes. */
  fill(x: number, y: number, brush: Brush): Box | null {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!this.contains(column, row)) return null;
    const { sketch, mask } = this.layers;
    const seen = this.composite();
    const start = row * this.side + column;
    const isMasked = (at: number) => (mask[at] ?? 0) > MIDDLE;
    const like = mask.map((_, at) => {
      let difference = 0;
      for (let channel = 0; channel < 3; channel++) {
        difference += Math.abs((seen[3 * at + channel] ?? 0) - (seen[3 * start + channel] ?? 0));
      }
      return Number(difference <= FILL_TOLERANCE && (brush.layer === "sketch" || isMasked(at) === isMasked(start)));
    });
    const area = floodFill(like, this.side, column, row);
    const under = brush.layer === "sketch" ? feather(area, (at) => sketch[4 * at + 3] ?? 0, this.side) : null;
    return this.paint(Float32Array.from(area), brush, { kind: "fill" }, under);
  }

  /** Removes all paint from the sketch. */
  clear(): void {
    this.replace({ sketch: new Uint8Array(this.layers.sketch.length) }, this.whole, [{ kind: "emptied" }]);
  }

  /** Makes a drawing, red, green, blue and alpha for each pixel, the whole painting, on white paper, as one change. */
  beginWith(sketch: Uint8Array): void {
    this.replace({ image: new Uint8Array(this.layers.image.length).fill(PAPER), sketch });
  }

  /** Sets the picture under the sketch: red, green, blue for each pixel. */
  setImage(image: Uint8Array): void {
    this.replace({ image });
  }

  /** Makes a picture, by default the composite, the image under an empty sketch, as one change. */
  flatten(picture?: Uint8Array): void {
    this.commit();
    const sketch = new Uint8Array(this.layers.sketch.length);
    this.replace({ image: picture ?? this.composite(), sketch }, this.whole, [{ kind: "emptied" }]);
  }

  setMask(mask: Uint8Array): void {
    this.replace({ mask });
  }

  clearMask(): void {
    this.setMask(new Uint8Array(this.layers.mask.length));
  }

  invertMask(): void {
    this.commit();
    this.setMask(this.layers.mask.map((value) => 255 - value));
  }

  undo(): Change | null {
    this.commit();
    return this.history.undo(this.layers);
  }

  redo(): Change | null {
    this.commit();
    return this.history.redo(this.layers);
  }

  private contains(column: number, row: number): boolean {
    return column >= 0 && column < this.side && row >= 0 && row < this.side;
  }

  /** Adds the current stroke to the history; false if there is none, or it touched nothing. */
  private commit(): boolean {
    const stroke = this.painting;
    this.painting = null;
    if (!stroke?.touched) return false;
    const { layer, touched, base } = stroke;
    const { tool, color, size, softness, opacity, mirror, points } = stroke;
    const line: Drawn = { kind: "line", tool, color, size, softness, opacity, mirror, points };
    const patch = Patch.between(layer, touched, base, this.layers[layer], this.side);
    this.history.record(new Change([patch], layer === "sketch" ? [line] : []));
    return true;
  }

  /** Paints each pixel by its coverage, and the pixels of `under` beneath the existing paint. */
  private paint(coverage: Float32Array, brush: Brush, drawn: Drawn, under: Uint8Array | null = null): Box | null {
    this.commit();
    const box = boxOf(this.side, (at) => (coverage[at] ?? 0) > 0 || Boolean(under?.[at]));
    if (!box) return null;
    const { layer, opacity } = brush;
    const color = colorOf(brush.color);
    const after = this.layers[layer].slice();
    paintBox(after, this.layers[layer], layer, { tool: "brush", color, opacity }, coverage, box, this.side);
    under?.forEach((isUnder, at) => {
      if (isUnder) paintBehind(after, 4 * at, color, opacity);
    });
    this.replace({ [layer]: after }, box, layer === "sketch" ? [drawn] : []);
    return box;
  }

  /** Replaces a rectangle of some layers, by default all of them, as one change. */
  private replace(
    after: Partial<Record<LayerName, Uint8Array>>,
    box: Box = this.whole,
    drawn: readonly Drawn[] = [],
  ): void {
    this.commit();
    const patches: Patch[] = [];
    for (const name of Object.keys(after) as LayerName[]) {
      const pixels = after[name];
      if (!pixels) continue;
      patches.push(Patch.between(name, box, this.layers[name], pixels, this.side));
      copyBox(pixels, this.layers[name], box, this.side, CHANNELS[name]);
    }
    this.history.record(new Change(patches, drawn));
  }
}

/** The smallest rectangle around the pixels for which something holds. */
function boxOf(side: number, isInside: (at: number) => boolean): Box | null {
  let box: [number, number, number, number] | null = null;
  for (let at = 0; at < side * side; at++) {
    if (!isInside(at)) continue;
    const [x, y] = [at % side, Math.floor(at / side)];
    box ??= [x, y, x + 1, y + 1];
    box[0] = Math.min(box[0], x);
    box[2] = Math.max(box[2], x + 1);
    box[3] = y + 1;
  }
  return box;
}
