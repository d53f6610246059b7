/** Several runs in one file: their last pictures as a sheet, or all their steps side by side. As `together.py`. */
import { createCanvas } from "@robust-widgets/shared/dom";
import type { Pictures } from "@robust-widgets/shared/session";
import { canvasOf, rgbOf } from "../painting/pictures";
import { layoutOf, tiled } from "../runs/playback";
import type { Trace } from "../runs/trace";
import { LEAST_SIDE, animation } from "./gif";
import { png } from "./png";

const LARGEST_SIDE = 1024;
const GAP = 4;
const SHEET_SIDE = 144;
const SHEET_COLUMNS = 6;
const MARGIN = 6;
const LINE = 18;
const PAPER = "#fff";
const INK = "#222";

/** The last picture of each run, with a few words below it, as a PNG file.
 *
 * @param labels a few words for each run */
export function sheet(traces: readonly Trace[], labels: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const columns = Math.min(SHEET_COLUMNS, traces.length);
  const pictures = traces.map((trace) => fitted(trace, null, SHEET_SIDE));
  const width = Math.max(...pictures.map((picture) => picture.width)) + MARGIN;
  const height = SHEET_SIDE + LINE + MARGIN;
  const rows = Math.ceil(traces.length / columns);
  const context = createCanvas(columns * width + MARGIN, rows * height + MARGIN, { willReadFrequently: true });
  const { canvas } = context;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = INK;
  context.font = "13px system-ui, sans-serif";
  pictures.forEach((picture, index) => {
    const [left, top] = [MARGIN + (index % columns) * width, MARGIN + Math.floor(index / columns) * height];
    context.drawImage(picture, left, top);
    context.fillText(labels[index] ?? "", left, top + SHEET_SIDE + LINE - MARGIN, width - MARGIN);
  });
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return png({ count: 1, width: canvas.width, height: canvas.height, pixels: rgbOf(data) });
}

/** All runs side by side, step by step, as an animation; those that are shorter stay at their last picture. */
export function sideBySide(traces: readonly Trace[]): Promise<Uint8Array<ArrayBuffer>> {
  const [rows, columns] = layoutOf(traces.length);
  const side = Math.min(LEAST_SIDE, Math.floor(LARGEST_SIDE / Math.max(rows, columns)));
  const count = Math.max(...traces.map(({ length }) => length));
  return animation(count, (step) => {
    const pictures = traces.map((trace) => fitted(trace, Math.min(step, trace.length - 1), side));
    const width = Math.max(...pictures.map((picture) => picture.width));
    const size = [columns * (width + GAP) - GAP, rows * (side + GAP) - GAP] as const;
    const context = createCanvas(...size, { willReadFrequently: true });
    context.fillStyle = PAPER;
    context.fillRect(0, 0, ...size);
    pictures.forEach((picture, index) => {
      context.drawImage(picture, (index % columns) * (width + GAP), Math.floor(index / columns) * (side + GAP));
    });
    return context.getImageData(0, 0, ...size);
  });
}

/** The pictures of a step, by default of the last, at a height. */
function fitted(trace: Trace, step: number | null, height: number): HTMLCanvasElement {
  const frame = trace.frame(step);
  const empty: Pictures = { count: 1, width: 1, height: 1, pixels: new Uint8Array(3) };
  const picture = frame ? tiled(frame.pictures) : empty;
  const width = Math.max(1, Math.round((picture.width * height) / picture.height));
  const context = createCanvas(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(picture), 0, 0, width, height);
  return context.canvas;
}
