import { describe, expect, it } from "vitest";
import { smoothNoise } from "../src/engine/noise";
import { resize } from "../src/engine/planes";
import { Generator } from "../src/engine/random";
import { distance, fixtures, thinned } from "./fixtures";

describe("torch's generator", () => {
  it.each(fixtures.drawn)("draws the numbers of seed $seed", ({ seed, calls }) => {
    const generator = new Generator(seed);
    for (const { kind, count, last } of calls) {
      const values =
        kind === "normal" ? [...generator.normal(count)] : Array.from({ length: count }, () => generator[kind]());
      const isExact = kind !== "normal";
      expect(distance(values.slice(-20), last)).toBeLessThan(isExact ? 1e-8 : 1e-6);
    }
  });

  it("draws other numbers from another seed", () => {
    expect(distance(new Generator(1).normal(20), new Generator(2).normal(20))).toBeGreaterThan(0.1);
  });
});

it("makes smooth noise", () => {
  const { inputSize } = fixtures.manifest.model;
  const noise = smoothNoise(3, inputSize, new Generator(3), fixtures.manifest.numbers.smoothing);
  expect(distance(thinned(noise, fixtures.every), fixtures.noise)).toBeLessThan(1e-6);
});

it.each(fixtures.resized)("resizes $from pixels to $to as torch does", ({ from, to, every, result }) => {
  const generator = new Generator(from);
  const values = Float32Array.from({ length: 2 * from * from }, () => generator.uniform());
  expect(distance(thinned(resize(values, from, to), every), result)).toBeLessThan(1e-6);
});
