/** Runs as animations. As in `export.py`. */
import type { Pictures } from "@robust-widgets/shared/session";
import { createCanvas } from "@robust-widgets/shared/dom";
import { applyPalette, GIFEncoder, quantize } from "gifenc";
import { canvasOf } from "../painting/pictures";
import { tiled } from "../runs/playback";
import type { Trace } from "../runs/trace";

const LEAST_SIDE = 192;
const COLORS = 128;
const FRAME_MS = 50;
const LAST_FRAME_MS = 1500;
/** How long this may work before the page answers again. */
const SLICE_MS = 30;

/** Every step as a frame, enlarged to at least 192 pixels. */
export async function gif(trace: Trace): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = GIFEncoder();
  let sliceStart = performance.now();
  for (const [step, { pictures }] of trace.frames.entries()) {
    const { width, height, data } = enlarged(tiled(pictures));
    const palette = quantize(data, COLORS);
    const delay = step === trace.length - 1 ? LAST_FRAME_MS : FRAME_MS;
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
