/** What the view gets of a run: evenly spaced steps, their pictures as files, and the curves. As `playback.py`. */
import type { Curves, NamedValues, Value } from "@robust-widgets/shared/curves";
import type { Pictures, RunFrame } from "@robust-widgets/shared/session";
import { mean, type Trace } from "./trace";

const LEADERS = 5;
const PAPER = 255;
const THUMBNAIL_SIDE = 96;
const BMP_HEAD = 54;

/** Indices of at most `most` of `count` frames, evenly spaced, including the first and the last. */
export function evenly(count: number, most: number): number[] {
  const number = Math.min(count, most);
  if (number <= 1) return count ? [count - 1] : [];
  return Array.from({ length: number }, (_, index) => Math.round((index * (count - 1)) / (number - 1)));
}

/** Rows and columns of the squarest grid. */
export function layoutOf(count: number): [rows: number, columns: number] {
  const columns = Math.ceil(Math.sqrt(count));
  return [Math.ceil(count / columns), columns];
}

/** One picture with all of them in the squarest grid. `channels` is 1 for grey levels. */
export function tiled({ count, width, height, pixels }: Pictures, channels: 1 | 3 = 3): Pictures {
  if (count === 1) return { count, width, height, pixels };
  const [rows, columns] = layoutOf(count);
  const grid = new Uint8Array(rows * height * columns * width * channels).fill(PAPER);
  const length = width * channels;
  for (let index = 0; index < count; index++) {
    const [top, left] = [Math.floor(index / columns) * height, (index % columns) * width];
    for (let y = 0; y < height; y++) {
      const from = (index * height + y) * length;
      grid.set(pixels.subarray(from, from + length), ((top + y) * columns * width + left) * channels);
    }
  }
  return { count: 1, width: columns * width, height: rows * height, pixels: grid };
}

/** A picture as a BMP file: made at once, without loss, and read by every browser. */
export function bmp({ width, height, pixels }: Pictures, channels: 1 | 3 = 3): Uint8Array<ArrayBuffer> {
  const stride = Math.ceil((3 * width) / 4) * 4;
  const file = new Uint8Array(BMP_HEAD + stride * height);
  const head = new DataView(file.buffer);
  head.setUint16(0, 0x424d);
  head.setUint32(2, file.length, true);
  head.setUint32(10, BMP_HEAD, true);
  head.setUint32(14, 40, true);
  head.setInt32(18, width, true);
  head.setInt32(22, -height, true); // rows from the top
  head.setUint16(26, 1, true);
  head.setUint16(28, 24, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = channels * (y * width + x);
      const to = BMP_HEAD + y * stride + 3 * x;
      for (let channel = 0; channel < 3; channel++) {
        file[to + 2 - channel] = pixels[from + (channels === 1 ? 0 : channel)] ?? 0;
      }
    }
  }
  return file;
}

export const pictureFile = (frame: RunFrame): Uint8Array<ArrayBuffer> => bmp(tiled(frame.pictures));

/** The gradient's magnitude in grey, tiled like the pictures; empty if unknown. */
export function heatFile({ gradient, pictures }: RunFrame): Uint8Array<ArrayBuffer> {
  return gradient ? bmp(tiled({ ...pictures, pixels: gradient }, 1), 1) : new Uint8Array();
}

/** The newest picture of a run, small; empty if there is none yet. */
export function thumbnailFile(trace: Trace): Uint8Array<ArrayBuffer> {
  if (!trace.last) return new Uint8Array();
  const { width, height, pixels } = tiled(trace.last.pictures);
  const step = Math.ceil(Math.max(width, height) / THUMBNAIL_SIDE);
  const [across, down] = [Math.floor(width / step), Math.floor(height / step)];
  const small = new Uint8Array(across * down * 3);
  for (let at = 0; at < small.length; at++) {
    const [x, y, channel] = [Math.floor(at / 3) % across, Math.floor(at / 3 / across), at % 3];
    let sum = 0;
    for (let part = 0; part < step * step; part++) {
      const [dx, dy] = [part % step, Math.floor(part / step)];
      sum += pixels[3 * ((y * step + dy) * width + x * step + dx) + channel] ?? 0;
    }
    small[at] = Math.round(sum / (step * step));
  }
  return bmp({ count: 1, width: across, height: down, pixels: small });
}

/** A number for JSON, rounded to the digits that are drawn; null for NaN and infinity. */
export const finite = (value: number, digits = 6): Value =>
  Number.isFinite(value) ? Number(value.toPrecision(digits)) : null;

/** Probability of a class, as the mean over the pictures. */
function probabilityOf({ probabilities, pictures }: RunFrame, index: number): number {
  if (!probabilities) return NaN;
  const classes = probabilities.length / pictures.count;
  let sum = 0;
  for (let picture = 0; picture < pictures.count; picture++) sum += probabilities[picture * classes + index] ?? 0;
  return sum / pictures.count;
}

/** The most probable classes of one step, as index and mean probability, the highest first. */
export function leading(frame: RunFrame, count = 8): [number, number][] {
  const classes = (frame.probabilities?.length ?? 0) / frame.pictures.count;
  return Array.from({ length: classes }, (_, index): [number, number] => [index, probabilityOf(frame, index)])
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([index, value]) => [index, Number(value.toFixed(4))]);
}

/** Factor from a run's raw distances to the unit of its parameter epsilon; 1 if it has none. */
export function distanceUnit({ description }: Trace): number {
  const epsilon = description.parameters["epsilon"];
  return description.radius && typeof epsilon === "number" && epsilon > 0 ? epsilon / description.radius : 1;
}

/** The limit of a run's distance in the unit of its parameter epsilon; null without a limit. */
export const limitOf = (trace: Trace): Value =>
  trace.description.radius === null ? null : finite(trace.description.radius * distanceUnit(trace));

/** A run's numbers at the given frames, as means over its pictures. */
export function curvesOf(trace: Trace, indices: readonly number[]): Curves {
  const frames = indices.flatMap((index) => trace.frames[index] ?? []);
  const unit = distanceUnit(trace);
  return {
    steps: frames.map(({ step }) => step),
    loss: frames.map(({ loss }) => finite(mean(loss))),
    probability: frames.map(({ probability }) => finite(mean(probability))),
    distance: frames.map(({ distance }) => finite(unit * mean(distance))),
    top: leaders(trace, frames),
    radius: limitOf(trace),
  };
}

function leaders(trace: Trace, frames: readonly RunFrame[]): NamedValues[] {
  const known = frames.filter(({ probabilities }) => probabilities !== null);
  const last = known.at(-1);
  if (!last) return [];
  const ranked = trace.description.classes.map((name, index) => ({
    name,
    index,
    peak: Math.max(...known.map((frame) => probabilityOf(frame, index))),
    now: probabilityOf(last, index),
  }));
  return ranked
    .sort((a, b) => b.peak - a.peak || a.index - b.index)
    .slice(0, LEADERS)
    .sort((a, b) => b.now - a.now || a.index - b.index)
    .map(({ name, index }) => ({ name, values: frames.map((frame) => finite(probabilityOf(frame, index), 4)) }));
}
