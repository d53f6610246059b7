/** The canvases that show a raster: the painting, the mask, and the image alone. As `canvas.py`. */
import { contextOf, element } from "@robust-widgets/shared/dom";
import { stripeOpacity, TINT } from "@robust-widgets/widgets/pad/scene";
import type { Box, LayerName } from "./layers";
import type { Raster } from "./raster";

export const ALL_LAYERS: ReadonlySet<LayerName> = new Set(["image", "sketch", "mask"]);

export class RasterCanvas {
  readonly root: HTMLElement;
  private readonly painting: CanvasRenderingContext2D;
  private readonly mask: CanvasRenderingContext2D;
  private readonly image: CanvasRenderingContext2D;

  constructor(side: number) {
    const [painting, mask, image] = (["painting", "mask", "image"] as const).map((name) => {
      const size = String(side);
      const attributes = { width: size, height: size, "aria-hidden": "true" };
      return element("canvas", `rw-layer rw-layer-${name}`, attributes);
    }) as [HTMLCanvasElement, HTMLCanvasElement, HTMLCanvasElement];
    this.root = element("div", "rw-layers", {}, painting, mask, image);
    const settings = { willReadFrequently: true };
    this.painting = contextOf(painting, settings);
    this.mask = contextOf(mask, settings);
    this.image = contextOf(image, settings);
  }

  /** Draws a rectangle again, by default the whole raster, of the layers that changed. */
  draw(raster: Raster, box: Box = raster.whole, layers: ReadonlySet<LayerName> = ALL_LAYERS): void {
    if (layers.has("image")) put(this.image, opaque(cut(raster.layers.image, box, raster.side)), box);
    if (layers.has("image") || layers.has("sketch")) put(this.painting, opaque(raster.composite(box)), box);
    if (layers.has("mask")) put(this.mask, tinted(raster, box), box);
  }
}

function put(context: CanvasRenderingContext2D, data: Uint8ClampedArray<ArrayBuffer>, box: Box): void {
  const [left, top, right, bottom] = box;
  const image = context.createImageData(right - left, bottom - top);
  image.data.set(data);
  context.putImageData(image, left, top);
}

/** A rectangle of the image: red, green, blue for each pixel. */
function cut(image: Uint8Array, [left, top, right, bottom]: Box, side: number): Uint8Array {
  const length = (right - left) * 3;
  const part = new Uint8Array(length * (bottom - top));
  for (let y = top; y < bottom; y++) {
    const at = (y * side + left) * 3;
    part.set(image.subarray(at, at + length), (y - top) * length);
  }
  return part;
}

/** RGB as RGBA. */
export function opaque(pixels: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const data = new Uint8ClampedArray((pixels.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    for (let channel = 0; channel < 3; channel++) data[to + channel] = pixels[from + channel] ?? 0;
  }
  return data;
}

/** The mask of a rectangle as a striped tint. */
function tinted({ layers, side }: Raster, [left, top, right, bottom]: Box): Uint8ClampedArray<ArrayBuffer> {
  const data = new Uint8ClampedArray((right - left) * (bottom - top) * 4);
  let to = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++, to += 4) {
      data.set(TINT, to);
      data[to + 3] = (layers.mask[y * side + x] ?? 0) * stripeOpacity(x, y);
    }
  }
  return data;
}
