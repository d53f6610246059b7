/** Where a picture lies on the painting, while it is placed. */
import { describe, expect, test } from "vitest";
import { centred, contains, cornerOf, drawn, moved, scaled, visiblePart } from "../src/pad/rectangle";

const SIDE = 100;

describe("a picture", () => {
  test("fills the painting, or is all inside", () => {
    expect(centred(200, 100, SIDE, "fill")).toEqual([-50, 0, 200, 100]);
    expect(centred(200, 100, SIDE, "whole")).toEqual([0, 25, 100, 50]);
    expect(centred(30, 60, SIDE, "fill")).toEqual([0, -50, 100, 200]);
  });

  test("moves, but never leaves the painting", () => {
    expect(moved([10, 10, 40, 20], 5, -3, SIDE)).toEqual([15, 7, 40, 20]);
    expect(moved([10, 10, 40, 20], 500, -500, SIDE)).toEqual([92, -12, 40, 20]);
  });

  test("is scaled around its middle, or a point", () => {
    expect(scaled([10, 10, 40, 20], 2, 2, SIDE)).toEqual([-10, 0, 80, 40]);
    expect(scaled([10, 10, 40, 20], 0.5, 0.5, SIDE, [10, 10])).toEqual([10, 10, 20, 10]);
    expect(scaled([10, 10, 40, 20], 2, 1, SIDE)).toEqual([-10, 10, 80, 20]);
  });

  test("keeps its shape at the limits of its size", () => {
    const [, , width, height] = scaled([10, 10, 40, 20], 0.001, 0.001, SIDE);
    expect([width, height]).toEqual([16, 8]);
    const [, , most, other] = scaled([10, 10, 40, 20], 1000, 1000, SIDE);
    expect([most, other]).toEqual([1600, 800]);
  });

  test("a corner is drawn while the opposite one stays", () => {
    const from = [10, 10, 40, 20] as const;
    expect(drawn(from, 2, [90, 30], true, SIDE)).toEqual([10, 10, 80, 40]);
    expect(drawn(from, 0, [30, 20], true, SIDE)).toEqual([30, 20, 20, 10]);
    expect(drawn(from, 1, [30, 0], false, SIDE)).toEqual([10, 0, 20, 30]);
    const [left, top, width, height] = drawn(from, 3, [90, -90], false, SIDE);
    expect([left + width, top, width, height]).toEqual([50, 10, 8, 8]);
  });

  test("has corners and an inside", () => {
    expect([0, 1, 2, 3].map((corner) => cornerOf([1, 2, 10, 20], corner as 0))).toEqual([
      [1, 2],
      [11, 2],
      [11, 22],
      [1, 22],
    ]);
    expect([contains([1, 2, 10, 20], [5, 21]), contains([1, 2, 10, 20], [0, 5])]).toEqual([true, false]);
  });

  test("covers whole pixels, with the part that is on the painting", () => {
    expect(visiblePart([-50, 0, 200, 100], SIDE, 400, 200)).toEqual({
      source: [100, 0, 200, 200],
      target: [0, 0, 100, 100],
    });
    expect(visiblePart([90.4, 10.6, 20, 4], SIDE, 20, 4)?.target).toEqual([90, 11, 10, 4]);
    expect(visiblePart([200, 0, 10, 10], SIDE, 10, 10)).toBeNull();
  });
});
