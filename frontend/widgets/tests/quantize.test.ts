/** The colours of a picture. */
import { expect, test } from "vitest";
import { colorsOf } from "../src/pad/quantize";

const pixels = (...parts: [color: number[], count: number][]) =>
  parts.flatMap(([color, count]) => Array.from({ length: count }, () => [...color, 255]).flat());

test("the colours of flat areas are found exactly, from dark to light, however small they are", () => {
  const flat = pixels([[255, 255, 255], 900], [[10, 20, 30], 80], [[200, 40, 0], 20], [[0, 160, 0], 5]);
  expect(colorsOf(flat, 10)).toEqual(["#0a141e", "#c82800", "#00a000", "#ffffff"]);
});

test("of many colours there are as many as are asked for, and none far from the picture", () => {
  const ramp = pixels(...Array.from({ length: 256 }, (_, value): [number[], number] => [[value, value, value], 3]));
  const colors = colorsOf(ramp, 4);
  expect(colors).toHaveLength(4);
  const levels = colors.map((color) => parseInt(color.slice(1, 3), 16));
  expect(levels).toEqual([...levels].sort((a, b) => a - b));
  levels.forEach((level, index) => expect(Math.abs(level - (32 + 64 * index))).toBeLessThan(12));
});

test("what is transparent has no colour", () => {
  expect(colorsOf([255, 0, 0, 0], 4)).toEqual([]);
  expect(colorsOf([255, 0, 0, 0, 0, 0, 255, 255], 4)).toEqual(["#0000ff"]);
});
