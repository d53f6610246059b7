/** What a mask marks at the size of a run, as `robust_widgets/pictures/masks.py` decides it. */
import type { Mask } from "@robust-widgets/shared/session";
import { UserError } from "./errors";
import { maskLevels, middleSquare, resize } from "./planes";

export interface Thresholds {
  /** What is marked by half is marked. */
  readonly middle: number;
  /** Of a pixel, that a thin stroke covers. */
  readonly thin: number;
}

/** Where a task may paint: 1 or 0 for each pixel of a square. Throws if the mask marks nothing, or everything. */
export function regionOf(mask: Mask, size: number, { middle, thin }: Thresholds): Uint8Array {
  const plane = maskLevels(mask);
  const square = middleSquare(plane);
  const side = Math.min(mask.width, mask.height);
  const fitted = side === size ? square : resize(square, side, size);
  const own = Uint8Array.from(fitted, (level) => (level >= middle ? 1 : 0));
  if (side > size) addThinStrokes(own, square, fitted, side, size, { middle, thin });
  check(plane.values, own, middle);
  return own;
}

/** Marks what is thinner than a pixel and stands alone; the faint edge of something larger touches it and stays out. */
function addThinStrokes(
  own: Uint8Array,
  square: Float32Array,
  fitted: Float32Array,
  side: number,
  size: number,
  { middle, thin }: Thresholds,
): void {
  const reached = largestOfCells(square, side, size).map((level) => (level >= middle ? 1 : 0));
  const near = widened(own, size);
  for (let pixel = 0; pixel < own.length; pixel++) {
    if (reached[pixel] && (fitted[pixel] ?? 0) >= thin && !near[pixel]) own[pixel] = 1;
  }
  if (own.includes(1) || !reached.includes(1)) return;
  const half = fitted.reduce((most, level) => Math.max(most, level), 0) / 2;
  for (let pixel = 0; pixel < own.length; pixel++) {
    if (reached[pixel] && (fitted[pixel] ?? 0) >= half) own[pixel] = 1;
  }
}

function check(whole: Float32Array, own: Uint8Array, middle: number): void {
  if (!own.includes(1)) {
    throw whole.some((level) => level >= middle)
      ? new UserError(
          "mask-outside",
          "The mask is empty in the middle square of the picture, and a task uses no more of it; mark something there.",
        )
      : new UserError("mask-empty", "The mask is empty; mark the part of the picture to paint.");
  }
  if (!own.includes(0)) {
    throw new UserError(
      "mask-full",
      "The mask covers the whole picture; leave a part of it unmarked; that part stays unchanged.",
    );
  }
}

/** The largest value in each of `size * size` cells. */
function largestOfCells(levels: Float32Array, side: number, size: number): Float32Array {
  const cells = new Float32Array(size * size);
  const edge = (cell: number) => Math.floor((cell * side) / size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let most = 0;
      for (let y = edge(row); y < edge(row + 1); y++) {
        for (let x = edge(column); x < edge(column + 1); x++) most = Math.max(most, levels[y * side + x] ?? 0);
      }
      cells[row * size + column] = most;
    }
  }
  return cells;
}

/** With the eight neighbours of each pixel. */
function widened(own: Uint8Array, size: number): Uint8Array {
  const wide = new Uint8Array(own.length);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      if (!own[row * size + column]) continue;
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, size - 1); y++) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, size - 1); x++) wide[y * size + x] = 1;
      }
    }
  }
  return wide;
}
