/** The canvases below the pad, which Python draws. */
import { createCanvas } from "@robust-widgets/shared/dom";
import type { Place } from "./messages";

/** Their pixels. */
export interface Scene {
  side: number;
  /** The sketch over the image, and the image alone; red, green, blue, alpha. */
  painting: Uint8ClampedArray;
  image: Uint8ClampedArray;
  /** How much each pixel is masked, 0 to 255. */
  mask: Uint8ClampedArray;
}

// As in canvas.py: the mask is a tint in stripes.
export const TINT = [214, 0, 110] as const;
export const stripeOpacity = (x: number, y: number): number => (((x + y) >> 2) & 1 ? 0.62 : 0.34);

export type LayerName = "painting" | "image" | "mask";

/** The box with the canvases and the pad; for a pad that stands alone, the pad. */
export const hostOf = (element: HTMLElement): HTMLElement => element.closest<HTMLElement>(".rw-surface") ?? element;

export function canvasOf(host: HTMLElement, name: LayerName): HTMLCanvasElement | null {
  const layer = host.querySelector<HTMLElement>(`.rw-layer-${name}`);
  return layer instanceof HTMLCanvasElement ? layer : (layer?.querySelector("canvas") ?? null);
}

let copy: CanvasRenderingContext2D | null = null;

/** The pixels of a canvas. They are read from a copy: the browser warns when a canvas that was not made for it is read
 * again and again, and ipycanvas makes those of the layers. */
export function pixelsOf(canvas: HTMLCanvasElement): Uint8ClampedArray {
  const { width, height } = canvas;
  if (copy?.canvas.width !== width || copy.canvas.height !== height) {
    copy = createCanvas(width, height, { willReadFrequently: true });
  }
  copy.clearRect(0, 0, width, height);
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, width, height).data;
}

function layerPixels(host: HTMLElement, name: LayerName, side: number): Uint8ClampedArray | null {
  const canvas = canvasOf(host, name);
  return canvas?.width === side ? pixelsOf(canvas) : null;
}

/** Reads the canvases; white where there is none of this size. */
export function readScene(host: HTMLElement, side: number, masking: boolean): Scene {
  const white = () => new Uint8ClampedArray(4 * side * side).fill(255);
  const mask = new Uint8ClampedArray(side * side);
  const overlay = masking ? layerPixels(host, "mask", side) : null;
  if (overlay) {
    for (let at = 0; at < mask.length; at++) {
      mask[at] = (overlay[4 * at + 3] ?? 0) / stripeOpacity(at % side, Math.floor(at / side));
    }
  }
  return {
    side,
    painting: layerPixels(host, "painting", side) ?? white(),
    image: layerPixels(host, "image", side) ?? white(),
    mask,
  };
}

/** The colour that the painting shows at a raster point, "#rrggbb"; undefined outside. */
export function colorAt(host: HTMLElement, [x, y]: Place): string | undefined {
  const canvas = canvasOf(host, "painting");
  if (!canvas || x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return undefined;
  const pixels = pixelsOf(canvas);
  const at = 4 * (Math.floor(y) * canvas.width + Math.floor(x));
  return `#${[...pixels.subarray(at, at + 3)].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
