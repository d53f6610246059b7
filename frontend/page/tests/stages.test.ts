/** Larger pictures are painted coarse to fine as in Python. */
import type { Mask, RunFrame } from "@robust-widgets/shared/session";
import { expect, it } from "vitest";
import { buildStages } from "../src/engine/problems";
import { Seeds } from "../src/engine/seeds";
import { changedStart, enlargedFrame, shifts, sizeStages } from "../src/engine/stages";
import { bytes, distance, fixtures, maskOf, request, thinned } from "./fixtures";

const { manifest } = fixtures;
const seeds = manifest.seeds && new Seeds(bytes(fixtures.seeds).buffer, manifest.seeds);

it.each(fixtures.staged)(
  "$task $parameters has the sizes of Python",
  ({ task, target, parameters, stages: wanted }) => {
    const stages = buildStages(manifest, seeds, request(task, target, parameters));
    expect(stages.map(({ size }) => size)).toEqual(wanted.map(({ size }) => size));
    stages.forEach((stage, index) => {
      const { size, steps, radius, stepSize, starts } = wanted[index] ?? {};
      expect(stage.steps).toBe(steps);
      expect(stage.radius).toEqual(radius === null ? null : expect.closeTo(radius ?? NaN, 6));
      expect(stage.values["step_size"]).toBeCloseTo(stepSize ?? NaN, 7);
      expect(stage.jitter === null).toBe(size === manifest.model.inputSize);
      expect(stage.structure).toMatch(new RegExp(`-${String(size)}$`));
      stage.starts.forEach((start, picture) => {
        expect(distance(thinned(start, 10 * fixtures.every), starts?.[picture] ?? [])).toBeLessThan(2e-6);
      });
    });
  },
);

it("shifts the pictures of a step as torch draws it", () => {
  const { size, largest, seed, seen } = fixtures.shifted;
  const drawn = shifts({ largest, seed }, size);
  for (const wanted of seen) {
    const { rows, columns } = drawn.next().value;
    const placeOf = (matrix: Float32Array, index: number) =>
      matrix.subarray(index * size, (index + 1) * size).indexOf(1);
    const grid = Array.from({ length: size * size }, (_, at) => {
      return size * placeOf(rows, Math.floor(at / size)) + placeOf(columns, at % size);
    });
    expect(grid).toEqual(wanted);
    for (const matrix of [rows, columns]) expect(matrix.reduce((sum, value) => sum + value, 0)).toBe(size);
  }
});

it.each(fixtures.continued)("$task goes on at the next size from what was changed", (wanted) => {
  const [first, second] = buildStages(manifest, seeds, request(wanted.task, "dog", { size: 40 }));
  const [before] = first?.starts ?? [];
  const [after] = second?.starts ?? [];
  if (!first || !second || !before || !after) throw new Error("There are too few stages.");
  const pixels = bytes(wanted.pixels);
  const frame: RunFrame = {
    ...{ step: 3, loss: [0], probability: [0], distance: [0], seconds: 0, probabilities: null },
    pictures: { count: 1, width: first.size, height: first.size, pixels },
    gradient: pixels.filter((_, at) => at % 3 === 0),
  };
  const start = changedStart(after, second.region, second.size, { start: before, frame, index: 0 });
  expect(distance(thinned(start, fixtures.every), wanted.start)).toBeLessThan(2e-6);
  const { pictures, gradient } = enlargedFrame(frame, second.size);
  expect(distance(thinned(pictures.pixels, fixtures.every), wanted.enlarged)).toBeLessThanOrEqual(1);
  expect(thinned(gradient ?? [], fixtures.every)).toEqual(wanted.heat);
});

it("has one size alone where a start is given, or a mask is too fine for a smaller one", () => {
  const start = { ...request("translate", "dog").picture, count: 1 } as NonNullable<
    ReturnType<typeof request>["start"]
  >;
  expect(buildStages(manifest, seeds, { ...request("translate", "dog", { size: 80 }), start }).length).toBe(1);
  const levels = new Uint8Array(61 * 47).fill(255);
  for (const at of [0, 1]) levels[20 * 61 + 20 + at] = 0;
  const fine: Mask = { ...maskOf("hole"), levels };
  const sizes = (mask: Mask) =>
    buildStages(manifest, seeds, { ...request("inpaint", "dog", { size: 80 }), mask }).map(({ size }) => size);
  expect(sizes(fine)).toEqual([80]);
  expect(sizes(maskOf("hole"))).toEqual([20, 40, 80]);
});

it("has no more sizes than steps", () => {
  const sizes = sizeStages({ size: 80, steps: 2, epsilon: 8 }, 20, manifest.numbers).map(({ size }) => size);
  expect(sizes).toEqual([40, 80]);
});
