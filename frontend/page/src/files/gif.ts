/** Runs as animations. As in `export.py`. */
import type { Pictures } from "@robust-widgets/shared/session";
import { createCanvas } from "@robust-widgets/shared/dom";
import { applyPalette, GIFEncoder, quantize } from "gifenc";
import { canvasOf } from "../painting/pictures";
import { tiled } from "../runs/playback";
import type { Trace } from "../runs/trace";

export const LEAST_SIDE = 192;
const COLORS = 128;
const FRAME_MS = 50;
const LAST_FRAME_MS = 1500;
const NOTHING: Pictures = { count: 1, width: 1, height: 1, pixels: new Uint8Array(3) };
/** How long this may work before the page answers again. */
const SLICE_MS = 30;

/** Every step as a frame, enlarged to at least 192 pixels. */
export function gif(trace: Trace): Promise<Uint8Array<ArrayBuffer>> {
  const pictures = trace.frames.map((frame) => frame.pictures);
  return animation(pictures.length, (step) => enlarged(tiled(pictures[step] ?? NOTHING)));
}

/** Pictures of one size as an animation; the last one is held.
 *
 * @param pictureAt the picture of a step, from 0 */
export async function animation(
  count: number,
  pictureAt: (step: number) => ImageData,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = GIFEncoder();
  let sliceStart = performance.now();
  for (let step = 0; step < count; step++) {
    const { width, height, data } = pictureAt(step);
    const palette = quantize(data, COLORS);
    const delay = step === count - 1 ? LAST_FRAME_MS : FRAME_MS;
    encoder.writeFrame(applyPalette(data, palette), width, height, { palette, delay, repeat: 0 });
    if (performance.now() - sliceStart < SLICE_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    sliceStart = performance.now();
  }
  encoder.finish();
  return encoder.bytes();
}

function enlarged(picture: Pictures): ImageData {
  const factor = Math.max(1, LEAST_SIDE / picture.height);
  const [width, height] = [Math.round(picture.width * factor), Math.round(picture.height * factor)];
  const context = createCanvas(width, height, { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(picture), 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
