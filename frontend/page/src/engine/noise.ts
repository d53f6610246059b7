/** Noise without the finest detail, which starts are covered with so that texture can grow. */
import type { Generator } from "./random";
import { transpose } from "./planes";

/**
 * Standard normal noise, passed twice through a filter of five taps with reflected edges, along rows and columns.
 * Returns `channels * size * size` values.
 */
export function smoothNoise(
  channels: number,
  size: number,
  generator: Generator,
  taps: readonly number[],
): Float32Array {
  let noise = generator.normal(channels * size * size);
  for (let pass = 0; pass < 2; pass++) noise = separable(noise, channels, size, taps);
  return noise;
}

function separable(values: Float32Array, channels: number, size: number, taps: readonly number[]): Float32Array {
  const rows = filterRows(values, channels * size, size, taps);
  const columns = filterRows(transpose(rows, channels, size, size), channels * size, size, taps);
  return transpose(columns, channels, size, size);
}

function filterRows(values: Float32Array, rows: number, size: number, taps: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  const left = (taps.length - 1) / 2;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < size; column++) {
      let sum = 0;
      for (let tap = 0; tap < taps.length; tap++) {
        sum += (taps[tap] ?? 0) * (values[row * size + reflected(column + tap - left, size)] ?? 0);
      }
      result[row * size + column] = sum;
    }
  }
  return result;
}

function reflected(place: number, size: number): number {
  if (place < 0) return -place;
  return place < size ? place : 2 * (size - 1) - place;
}
