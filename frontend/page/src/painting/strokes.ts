/** How much of each pixel a stroke or an area covers, and the paint that results. As `strokes.py`.
 *
 * Coordinates are raster pixels, x to the right and y down, and may lie outside the raster. */
import { mirrored, type Mirror } from "@robust-widgets/widgets/pad/messages";
import { CHANNELS, union, type Box, type PaintLayer } from "./layers";

/** x, y, and the fractions of the brush's width and, by default all, of its opacity. */
export type Point = readonly [x: number, y: number, width: number, opacity?: number];
export type Corner = readonly [x: number, y: number];
export type PaintTool = "brush" | "eraser";
export type Color = readonly [red: number, green: number, blue: number];

/** Scan lines in each row of pixels of an area. */
const SUBROWS = 4;
const LEAST_ALPHA = 1e-6;

/** A stroke that is being painted. */
export interface Stroke {
  readonly tool: PaintTool;
  readonly color: Color;
  /** Diameter in raster pixels at full pressure. */
  readonly size: number;
  /** 0 is a hard edge; at 1 it fades from the centre. */
  readonly softness: number;
  /** Largest opacity of the stroke, 0 to 1. */
  readonly opacity: number;
  readonly layer: PaintLayer;
  /** Where it is repeated. */
  readonly mirror: Mirror;
  /** The layer before the stroke. */
  base: Uint8Array;
  /** Of each pixel, 0 to 1; overlaps within a stroke do not add up. */
  readonly coverage: Float32Array;
  /** The rectangle painted so far. */
  touched: Box | null;
  last: Point | null;
  /** All points painted. */
  points: Point[];
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** Adds one segment to the coverage, and its images; returns the changed rectangle. */
export function cover(stroke: Stroke, first: Point, second: Point, side: number): Box | null {
  const ends = mirrored(second, stroke.mirror, side);
  return mirrored(first, stroke.mirror, side).reduce<Box | null>(
    (changed, start, index) => union(changed, coverOne(stroke, start, ends[index] ?? second, side)),
    null,
  );
}

/** Adds one segment to the coverage, with an edge that fades over `1 + softness * radius` pixels. */
function coverOne(stroke: Stroke, first: Point, second: Point, side: number): Box | null {
  const [ax, ay, startWidth, startOpacity = 1] = first;
  const [bx, by, endWidth, endOpacity = 1] = second;
  const half = stroke.size / 2;
  const reach = half * Math.max(startWidth, endWidth) + 1;
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
  const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
  const right = Math.min(side, Math.ceil(Math.max(ax, bx) + reach) + 1);
  const bottom = Math.min(side, Math.ceil(Math.max(ay, by) + reach) + 1);
  if (left >= right || top >= bottom) return null;
  const [along, across] = [bx - ax, by - ay];
  const lengthSquared = along * along + across * across;
  for (let y = top; y < bottom; y++) {
    const dy = y + 0.5 - ay;
    for (let x = left; x < right; x++) {
      const dx = x + 0.5 - ax;
      const position = lengthSquared > 0 ? clamp((dx * along + dy * across) / lengthSquared) : 0;
      const distance = Math.hypot(dx - position * along, dy - position * across);
      const radius = half * (startWidth + (endWidth - startWidth) * position);
      const opacity = startOpacity + (endOpacity - startOpacity) * position;
      const shape = opacity * clamp((radius + 0.5 - distance) / (1 + stroke.softness * radius));
      const at = y * side + x;
      if (shape > (stroke.coverage[at] ?? 0)) stroke.coverage[at] = shape;
    }
  }
  return [left, top, right, bottom];
}

/** How much of each pixel is inside a polygon, 0 to 1, by the even-odd rule; exact along each scan line. */
export function areaCoverage(corners: readonly Corner[], side: number): Float32Array {
  const coverage = new Float32Array(side * side);
  const steps = new Float64Array(side + 2);
  for (let row = 0; row < side; row++) {
    steps.fill(0);
    for (let part = 0; part < SUBROWS; part++) {
      const crossings = crossingsAt(corners, row + (part + 0.5) / SUBROWS);
      // There is an even number of crossings, which alternately enter and leave the polygon.
      crossings.forEach((crossing, index) => {
        const at = Math.min(side, Math.max(0, crossing));
        const sign = (index % 2 ? -1 : 1) / SUBROWS;
        const column = Math.floor(at);
        const share = column + 1 - at;
        steps[column] = (steps[column] ?? 0) + sign * share;
        steps[column + 1] = (steps[column + 1] ?? 0) + sign * (1 - share);
      });
    }
    let sum = 0;
    for (let x = 0; x < side; x++) {
      sum += steps[x] ?? 0;
      coverage[row * side + x] = clamp(sum);
    }
  }
  return coverage;
}

function crossingsAt(corners: readonly Corner[], line: number): number[] {
  const crossings: number[] = [];
  corners.forEach(([x, y], index) => {
    const [nextX, nextY] = corners[(index + 1) % corners.length] ?? [x, y];
    if (y <= line !== nextY <= line) crossings.push(x + ((line - y) / (nextY - y)) * (nextX - x));
  });
  return crossings.sort((a, b) => a - b);
}

/** What is painted: by which tool, in which colour, and at most how opaque. */
export interface Paint {
  readonly tool: PaintTool;
  readonly color: Color;
  readonly opacity: number;
}

/** Paints a rectangle of a layer: adds the colour, or removes paint with the eraser.
 *
 * @param target the layer; what the rectangle held is replaced
 * @param base the layer before
 * @param coverage of each pixel of the layer, 0 to 1 */
export function paintBox(
  target: Uint8Array,
  base: Uint8Array,
  layer: PaintLayer,
  { tool, color, opacity }: Paint,
  coverage: Float32Array,
  [left, top, right, bottom]: Box,
  side: number,
): void {
  const channels = CHANNELS[layer];
  const goal = tool === "eraser" ? 0 : 255;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const amount = (coverage[y * side + x] ?? 0) * opacity;
      const at = channels * (y * side + x);
      if (layer === "mask") {
        const masked = base[at] ?? 0;
        target[at] = Math.round(masked + (goal - masked) * amount);
        continue;
      }
      const leftOver = ((base[at + 3] ?? 0) / 255) * (1 - amount);
      const total = tool === "eraser" ? leftOver : amount + leftOver;
      for (let channel = 0; channel < 3; channel++) {
        const before = base[at + channel] ?? 0;
        const mixed = ((color[channel] ?? 0) * amount + before * leftOver) / Math.max(total, LEAST_ALPHA);
        target[at + channel] = tool === "eraser" ? before : Math.round(mixed);
      }
      target[at + 3] = Math.round(total * 255);
    }
  }
}

/** Puts paint beneath the existing paint of one pixel of the sketch. */
export function paintBehind(sketch: Uint8Array, at: number, color: Color, opacity: number): void {
  const alpha = (sketch[at + 3] ?? 0) / 255;
  const under = opacity * (1 - alpha);
  const total = alpha + under;
  for (let channel = 0; channel < 3; channel++) {
    const mixed = ((sketch[at + channel] ?? 0) * alpha + (color[channel] ?? 0) * under) / Math.max(total, LEAST_ALPHA);
    sketch[at + channel] = Math.round(mixed);
  }
  sketch[at + 3] = Math.round(total * 255);
}
