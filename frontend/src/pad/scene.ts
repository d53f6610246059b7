/** The canvases below the pad, which Python draws: found on the page, and read. */

/** What they show, pixel by pixel. */
export interface Scene {
  side: number;
  /** the sketch over the image, and the image alone: red, green, blue, alpha */
  painting: Uint8ClampedArray;
  image: Uint8ClampedArray;
  /** how much each pixel is masked */
  mask: Uint8ClampedArray;
}

// As in canvas.py: the mask is a tint in stripes.
export const TINT = [214, 0, 110] as const;
export const veil = (x: number, y: number): number => ((x + y) >> 2) & 1 ? 0.62 : 0.34;

export type LayerName = "painting" | "image" | "mask";

/** The box that holds the canvases and the pad; where the pad stands alone, the pad. */
export const hostOf = (element: HTMLElement): HTMLElement => element.closest<HTMLElement>(".rw-surface") ?? element;

export function canvasOf(host: HTMLElement, name: LayerName): HTMLCanvasElement | null {
  const found = host.querySelector<HTMLElement>(`.rw-layer-${name}`);
  return found instanceof HTMLCanvasElement ? found : (found?.querySelector("canvas") ?? null);
}

function pixels(host: HTMLElement, name: LayerName, side: number): Uint8ClampedArray | null {
  const canvas = canvasOf(host, name);
  return canvas?.width === side ? (canvas.getContext("2d")?.getImageData(0, 0, side, side).data ?? null) : null;
}

export function read(host: HTMLElement, side: number, masking: boolean): Scene {
  const paper = () => new Uint8ClampedArray(4 * side * side).fill(255);
  const mask = new Uint8ClampedArray(side * side);
  const overlay = masking ? pixels(host, "mask", side) : null;
  if (overlay) {
    for (let at = 0; at < mask.length; at++) {
      mask[at] = (overlay[4 * at + 3] ?? 0) / veil(at % side, Math.floor(at / side));
    }
  }
  return {
    side,
    painting: pixels(host, "painting", side) ?? paper(),
    image: pixels(host, "image", side) ?? paper(),
    mask,
  };
}
