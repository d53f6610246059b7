/** Where a picture lies on the painting: left, top, width and height, in raster units. */
import type { Place } from "./messages";

export type Rectangle = readonly [left: number, top: number, width: number, height: number];
/** Clockwise, from the left at the top. */
export type Corner = 0 | 1 | 2 | 3;
export const CORNERS: readonly Corner[] = [0, 1, 2, 3];

/** So small a picture can still be taken hold of, and so much of it stays on the painting. */
const LEAST = 8;
/** How many times larger than the painting it may be. */
const MOST = 16;

/** The picture in the middle of a square: its shorter sides fill it, or all of it is inside. */
export function centred(width: number, height: number, side: number, how: "fill" | "whole"): Rectangle {
  const scale = side / (how === "fill" ? Math.min(width, height) : Math.max(width, height));
  return [(side - width * scale) / 2, (side - height * scale) / 2, width * scale, height * scale];
}

export function cornerOf([left, top, width, height]: Rectangle, corner: Corner): Place {
  return [corner === 1 || corner === 2 ? left + width : left, corner >= 2 ? top + height : top];
}

export function contains([left, top, width, height]: Rectangle, [x, y]: Place): boolean {
  return x >= left && y >= top && x <= left + width && y <= top + height;
}

export function moved([left, top, width, height]: Rectangle, dx: number, dy: number, side: number): Rectangle {
  return onPainting([left + dx, top + dy, width, height], side);
}

/** Scales it around a point, by default its middle; by two factors, its shape changes. */
export function scaled(from: Rectangle, across: number, down: number, side: number, around?: Place): Rectangle {
  const [left, top, width, height] = from;
  const [x, y] = around ?? [left + width / 2, top + height / 2];
  // Both factors meet a limit at once, so that it stops the picture and does not bend it.
  const limit = (least: number, most: number) => (factor: number) => Math.min(most, Math.max(least, factor));
  const smallest = Math.min(width, height);
  const largest = Math.max(width, height);
  const within =
    across === down
      ? limit(Math.min(1, LEAST / smallest), Math.max(1, (MOST * side) / largest))
      : (factor: number) => factor;
  const [fx, fy] = [within(across), within(down)];
  const size = (value: number) => Math.min(MOST * side, Math.max(LEAST, value));
  const [newWidth, newHeight] = across === down ? [width * fx, height * fy] : [size(width * fx), size(height * fy)];
  const shift = (at: number, from: number, before: number, after: number) => at - ((at - from) * after) / before;
  return onPainting([shift(x, left, width, newWidth), shift(y, top, height, newHeight), newWidth, newHeight], side);
}

/** Draws a corner to a point; the opposite one stays. */
export function drawn(from: Rectangle, corner: Corner, [x, y]: Place, keepsShape: boolean, side: number): Rectangle {
  const [, , width, height] = from;
  const [anchorX, anchorY] = cornerOf(from, ((corner + 2) % 4) as Corner);
  const toRight = corner === 1 || corner === 2 ? 1 : -1;
  const toBottom = corner >= 2 ? 1 : -1;
  const [across, down] = [(toRight * (x - anchorX)) / width, (toBottom * (y - anchorY)) / height];
  const least = (length: number) => LEAST / length;
  const factors: Place = keepsShape
    ? [Math.max(across, down, 0), Math.max(across, down, 0)]
    : [Math.max(across, least(width)), Math.max(down, least(height))];
  return scaled(from, ...factors, side, [anchorX, anchorY]);
}

/** Moves it back, if needed, so that some of it stays on the painting. */
function onPainting([left, top, width, height]: Rectangle, side: number): Rectangle {
  const within = (at: number, length: number) => Math.min(side - LEAST, Math.max(LEAST - length, at));
  return [within(left, width), within(top, height), width, height];
}

/** The whole pixels of a square that it covers, and the part of the picture that they show. As in `surface.py`. */
export function visiblePart(
  [left, top, width, height]: Rectangle,
  side: number,
  wide: number,
  tall: number,
): { source: Rectangle; target: Rectangle } | null {
  const ends = (from: number, length: number): Place => [
    Math.max(0, Math.floor(from + 0.5)),
    Math.min(side, Math.floor(from + length + 0.5)),
  ];
  const [[x0, x1], [y0, y1]] = [ends(left, width), ends(top, height)];
  if (x0 >= x1 || y0 >= y1) return null;
  const inside = (value: number, most: number) => Math.min(most, Math.max(0, value));
  const column = (x: number) => inside(((x - left) / width) * wide, wide);
  const row = (y: number) => inside(((y - top) / height) * tall, tall);
  return {
    source: [column(x0), row(y0), column(x1) - column(x0), row(y1) - row(y0)],
    target: [x0, y0, x1 - x0, y1 - y0],
  };
}
