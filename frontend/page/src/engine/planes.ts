/** Pictures as a run computes with them: square, float32 in [0, 1], the red values first, then green, then blue. */
import type { Mask, Pictures } from "@robust-widgets/shared/session";

export const CHANNELS = 3;

export interface Planes {
  /** Width and height. */
  readonly size: number;
  /** `channels * size * size`. */
  readonly values: Float32Array;
}

/** One value for each pixel of a rectangle. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** The middle square of one of several pictures, resized. */
export function fitPicture(pictures: Pictures, index: number, size: number): Planes {
  const { width, height, pixels } = pictures;
  const square = Math.min(width, height);
  const top = Math.floor((height - square) / 2);
  const left = Math.floor((width - square) / 2);
  const values = new Float32Array(CHANNELS * square * square);
  const first = index * width * height * CHANNELS;
  for (let channel = 0, place = 0; channel < CHANNELS; channel++) {
    for (let row = 0; row < square; row++) {
      for (let column = 0; column < square; column++) {
        const pixel = (top + row) * width + left + column;
        values[place++] = Math.fround(pixels[first + pixel * CHANNELS + channel] ?? 0) / 255;
      }
    }
  }
  return square === size ? { size, values } : { size, values: resize(values, square, size) };
}

/** The middle square of one plane. */
export function middleSquare({ width, height, values }: Plane): Float32Array {
  const square = Math.min(width, height);
  const top = Math.floor((height - square) / 2);
  const left = Math.floor((width - square) / 2);
  const middle = new Float32Array(square * square);
  for (let row = 0; row < square; row++) {
    const start = (top + row) * width + left;
    middle.set(values.subarray(start, start + square), row * square);
  }
  return middle;
}

/** Levels of a mask, from 0 to 1. */
export function maskLevels({ width, height, levels }: Mask): Plane {
  return { width, height, values: Float32Array.from(levels, (level) => level / 255) };
}

/** Square planes of another size, bicubic with anti-aliasing, clamped to [0, 1]; any number of planes. */
export function resize(values: Float32Array, from: number, to: number): Float32Array {
  return scaled(values, from, to).map((value) => Math.min(Math.max(value, 0), 1));
}

/** The same without limits, for what is no picture. */
export function scaled(values: Float32Array, from: number, to: number): Float32Array {
  const kernels = weightsOf(from, to);
  const planes = values.length / (from * from);
  const rows = along(values, planes * from, from, kernels);
  const turned = transpose(rows, planes, from, to);
  const columns = along(turned, planes * to, from, kernels);
  return transpose(columns, planes, to, to);
}

interface Kernel {
  readonly first: number;
  readonly weights: readonly number[];
}

/** What each pixel of a row is made of, as torch's `interpolate(mode="bicubic", antialias=True)` weighs it. */
function weightsOf(from: number, to: number): Kernel[] {
  const scale = Math.fround(from / to);
  const support = Math.fround(2 * Math.max(scale, 1));
  const inverse = scale >= 1 ? Math.fround(1 / scale) : 1;
  return Array.from({ length: to }, (_, index) => {
    const center = Math.fround(scale * (index + 0.5));
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const last = Math.min(Math.trunc(center + support + 0.5), from);
    const weights = Array.from({ length: last - first }, (__, place) =>
      cubic(Math.fround(Math.fround(first + place - center + 0.5) * inverse)),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}

function cubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

function along(values: Float32Array, rows: number, width: number, kernels: Kernel[]): Float32Array {
  const result = new Float32Array(rows * kernels.length);
  let place = 0;
  for (let row = 0; row < rows; row++) {
    for (const { first, weights } of kernels) {
      let sum = 0;
      for (let index = 0; index < weights.length; index++) {
        sum += (weights[index] ?? 0) * (values[row * width + first + index] ?? 0);
      }
      result[place++] = sum;
    }
  }
  return result;
}

/** Rows and columns of each plane exchanged. */
export function transpose(values: Float32Array, planes: number, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  let place = 0;
  for (let plane = 0; plane < planes; plane++) {
    const start = plane * rows * columns;
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) result[place++] = values[start + row * columns + column] ?? 0;
    }
  }
  return result;
}
