import { expect, test } from "vitest";
import type { RunFrame } from "@robust-widgets/shared/session";
import { bmp, curvesOf, evenly, finite, tiled } from "../src/runs/playback";
import { Trace } from "../src/runs/trace";
import fixture from "./fixtures/curves.json";

test("the curves are those of Python", () => {
  const description = {
    task: "generate",
    parameters: { epsilon: 40 },
    seed: 0,
    model: "tiny",
    fingerprint: "",
    target: "",
    classes: "abcdefg".split(""),
    radius: (40 * 16) / 224,
  };
  const frames = fixture.frames.map(({ loss, probability, distance, probabilities }, step): RunFrame => ({
    step,
    pictures: { count: 2, width: 2, height: 2, pixels: new Uint8Array(24) },
    ...{ loss, probability, distance, seconds: step / 8 },
    probabilities: Float32Array.from(probabilities),
    gradient: null,
  }));
  const { top, ...curves } = curvesOf(new Trace(description, {}, frames), fixture.chosen);
  const { top: wantedTop, ...wanted } = fixture.curves;
  expect(curves).toEqual(wanted);
  expect(top.map(({ name }) => name)).toEqual(wantedTop.map(({ name }) => name));
  // Python adds 32-bit floats, whose last digits differ.
  top.forEach(({ values }, row) =>
    values.forEach((value, at) => expect(value).toBeCloseTo(wantedTop[row]?.values[at] ?? NaN, 3)),
  );
});

test("steps are as evenly spaced as Python's", () => {
  for (const [count, most, wanted] of fixture.evenly as [number, number, number[]][]) {
    expect(evenly(count, most)).toEqual(wanted);
  }
});

test("numbers have six digits, and those that are none are null", () => {
  expect([finite(1 / 3), finite(NaN), finite(Infinity), finite(1234567)]).toEqual([0.333333, null, null, 1234570]);
});

test("several pictures are tiled into the squarest grid, and the rest of it is white", () => {
  const pixels = Uint8Array.from([10, 20, 30].flatMap((level) => [level, level, level]));
  const grid = tiled({ count: 3, width: 1, height: 1, pixels });
  expect([grid.width, grid.height]).toEqual([2, 2]);
  expect([...grid.pixels]).toEqual([10, 10, 10, 20, 20, 20, 30, 30, 30, 255, 255, 255]);
});

test("a BMP has its rows from the top, blue first, each padded to four bytes", () => {
  const file = bmp({ count: 1, width: 1, height: 2, pixels: Uint8Array.from([1, 2, 3, 4, 5, 6]) });
  expect([...file.subarray(54)]).toEqual([3, 2, 1, 0, 6, 5, 4, 0]);
  expect(new DataView(file.buffer).getInt32(22, true)).toBe(-2);
});
