import { expect, it } from "vitest";
import { expandWeights, lengthOf, readArray } from "../src/engine/arrays";
import { bytes, distance, fixtures, thinned } from "./fixtures";

const { weights } = fixtures;

it("expands weights as Python does", () => {
  const file = bytes(weights.file).buffer;
  expect(weights.declaration.constants.map(({ form }) => form)).toEqual(["same", "same", "flipped", "same"]);
  expect(weights.declaration.stored.map(({ dtype }) => dtype)).toEqual(["float16", "float32"]);
  const expanded = expandWeights(file, weights.declaration);
  expect(expanded.length).toBe(weights.declaration.length);
  expect(distance(thinned(expanded, weights.every), weights.expanded)).toBeLessThan(1e-6);
  expect(lengthOf(weights.declaration)).toBeLessThanOrEqual(file.byteLength);
});

it("reads numbers of half precision", () => {
  const bits = [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x3555];
  const values = readArray(Uint16Array.from(bits).buffer, { at: 0, dtype: "float16", shape: [3, 3] });
  const expected = [0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 0.333251953125];
  expect([...values]).toEqual(expected);
});
