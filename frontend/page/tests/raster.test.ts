import { expect, test } from "vitest";
import { Raster, type Brush } from "../src/painting/raster";
import type { LayerName } from "../src/painting/layers";
import type { Corner, Point } from "../src/painting/strokes";
import fixture from "./fixtures/raster.json";
import { unpacked } from "./unpacked";

/** Python computes with 32-bit floats, which round the other way here and there. */
const TOLERANCE = 1;

interface Step {
  do: string;
  brush?: Brush;
  points?: number[][];
}

function paint(raster: Raster, { do: what, brush, points = [] }: Step): void {
  if (what === "stroke" && brush) {
    const stroke = raster.begin(brush);
    raster.extend(stroke, points.slice(0, 2) as unknown as Point[]);
    raster.extend(stroke, points.slice(2) as unknown as Point[]);
    raster.finish(stroke);
  } else if (what === "area" && brush) raster.paintArea(points as unknown as Corner[], brush);
  else if (what === "fill" && brush) raster.fill(points[0]?.[0] ?? 0, points[0]?.[1] ?? 0, brush);
  else if (what === "image") {
    raster.setImage(new Uint8Array(raster.side * raster.side * 3).map((_, at) => Math.floor((at * 7) / 40) % 256));
  } else if (what === "undo") raster.undo();
  else if (what === "redo") raster.redo();
  else if (what === "invert") raster.invertMask();
  else raster.flatten();
}

const largestDifference = (first: Uint8Array, second: Uint8Array): number =>
  first.reduce((largest, value, at) => Math.max(largest, Math.abs(value - (second[at] ?? 0))), 0);

test("every tool paints the pixels that Python's raster has", async () => {
  const raster = new Raster(fixture.side);
  for (const [index, step] of (fixture.steps as Step[]).entries()) {
    paint(raster, step);
    for (const name of ["image", "sketch", "mask"] as LayerName[]) {
      const wanted = await unpacked(fixture.after[index]?.[name] ?? "");
      const layer = name === "image" ? raster.layers.image.map((value) => 255 - value) : raster.layers[name];
      expect(wanted.length).toBe(layer.length);
      expect(largestDifference(layer, wanted), `${step.do}, step ${index}, ${name}`).toBeLessThanOrEqual(TOLERANCE);
    }
  }
  const seen = raster.composite().map((value) => 255 - value);
  expect(largestDifference(seen, await unpacked(fixture.seen))).toBeLessThanOrEqual(TOLERANCE);
});

const BRUSH: Brush = { tool: "brush", color: "#ff0000", size: 6, softness: 0, opacity: 1, layer: "sketch" };

function dot(raster: Raster, x: number, y: number): void {
  const stroke = raster.begin(BRUSH);
  raster.extend(stroke, [[x, y, 1]]);
  raster.finish(stroke);
}

test("undo brings each change back, and redo makes it again", () => {
  const raster = new Raster(16);
  const states = [raster.composite()];
  dot(raster, 4, 4);
  states.push(raster.composite());
  dot(raster, 9, 9);
  states.push(raster.composite());
  raster.clear();
  expect(raster.composite()).toEqual(states[0]);
  for (const state of [states[2], states[1], states[0]]) {
    expect(raster.undo()).not.toBeNull();
    expect(raster.composite()).toEqual(state);
  }
  expect(raster.undo()).toBeNull();
  raster.redo();
  raster.redo();
  expect(raster.composite()).toEqual(states[2]);
  expect(raster.canRedo).toBe(true);
  dot(raster, 2, 2);
  expect(raster.canRedo).toBe(false);
});

test("a stroke that another change interrupts goes on as a change of its own", () => {
  const raster = new Raster(16);
  const stroke = raster.begin(BRUSH);
  raster.extend(stroke, [[2, 2, 1]]);
  raster.setImage(new Uint8Array(16 * 16 * 3));
  raster.extend(stroke, [[12, 12, 1]]);
  expect(raster.finish(stroke)).toBe(true);
  raster.undo();
  raster.undo();
  expect(raster.isUnpainted).toBe(false);
  raster.undo();
  expect(raster.isBlank).toBe(true);
});

test("a colour is picked from what is seen, and none from outside", () => {
  const raster = new Raster(16);
  dot(raster, 8, 8);
  expect(raster.colorAt(8, 8)).toBe("#ff0000");
  expect(raster.colorAt(15, 0)).toBe("#ffffff");
  expect(raster.colorAt(16, 0)).toBeNull();
  expect(raster.fill(-1, 3, BRUSH)).toBeNull();
});

test("paint is repeated across the middle lines, strokes and areas", () => {
  const raster = new Raster(16);
  const alphaAt = (x: number, y: number) => raster.layers.sketch[4 * (y * 16 + x) + 3];
  const stroke = raster.begin({ ...BRUSH, size: 2, mirror: "both" });
  raster.extend(stroke, [[3.5, 4.5, 1]]);
  raster.finish(stroke);
  expect([alphaAt(3, 4), alphaAt(12, 4), alphaAt(3, 11), alphaAt(12, 11), alphaAt(8, 8)]).toEqual([
    255, 255, 255, 255, 0,
  ]);
  raster.clear();
  const corners: Corner[] = [
    [1, 1],
    [4, 1],
    [4, 4],
    [1, 4],
  ];
  raster.paintArea(corners, { ...BRUSH, mirror: "x" });
  expect([alphaAt(2, 2), alphaAt(13, 2), alphaAt(2, 13)]).toEqual([255, 255, 0]);
});

test("a light pressure paints thinly where it sets the opacity", () => {
  const raster = new Raster(16);
  const stroke = raster.begin(BRUSH);
  raster.extend(stroke, [[8, 8, 1, 0.5]]);
  expect(raster.layers.sketch[4 * (8 * 16 + 8) + 3]).toBe(128);
});
