import { expect, test } from "vitest";
import { Columns } from "../src/columns";

const numbers = (step: number, top: [number, number][] = []) => ({
  step,
  loss: step,
  probability: step / 10,
  distance: null,
  top,
});

test("steps are added one by one, and a repeated one replaces the last", () => {
  const columns = new Columns();
  columns.clear(["cat", "dog"], 4);
  columns.add(numbers(0, [[0, 0.9]]));
  columns.add(numbers(1, [[1, 0.8]]));
  columns.add({ ...numbers(1, [[1, 0.7]]), loss: 99 });
  expect(columns.steps).toEqual([0, 1]);
  expect(columns.loss).toEqual([0, 99]);
  expect(columns.radius).toBe(4);
  expect(columns.leaders().map(({ name, values }) => [name, values])).toEqual([
    ["dog", [0, 0.7]],
    ["cat", [0.9, 0]],
  ]);
});

test("without probabilities of classes their values are unknown, not 0", () => {
  const columns = new Columns();
  columns.clear(["cat"]);
  columns.add(numbers(0, [[0, 0.9]]));
  columns.add(numbers(1));
  expect(columns.leaders()[0]?.values).toEqual([0.9, null]);
});

test("the five classes with the highest peaks lead", () => {
  const columns = new Columns();
  columns.clear(["a", "b", "c", "d", "e", "f"]);
  columns.add(numbers(0, [[5, 0.9]]));
  for (let index = 0; index < 5; index++) columns.add(numbers(index + 1, [[index, 0.1 * (index + 1)]]));
  expect(columns.leaders().map(({ name }) => name)).toEqual(["e", "f", "d", "c", "b"]);
});

test("the nearest step is found", () => {
  const columns = new Columns();
  for (const step of [0, 10, 20]) columns.add(numbers(step));
  expect([-5, 4, 6, 15, 100].map((step) => columns.nearest(step))).toEqual([0, 0, 1, 1, 2]);
});

test("a long run is thinned out, from its first to its last step", () => {
  const columns = new Columns();
  for (let step = 0; step < 5000; step++) columns.add(numbers(step));
  expect(columns.length).toBeLessThanOrEqual(1200);
  expect(columns.length).toBeGreaterThan(500);
  expect(columns.loss).toHaveLength(columns.length);
  expect([columns.steps[0], columns.lastStep]).toEqual([0, 4999]);
  expect(columns.steps).toEqual([...new Set(columns.steps)].sort((a, b) => a - b));
});
