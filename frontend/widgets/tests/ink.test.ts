import { beforeEach, expect, test } from "vitest";
import { contextOf, createCanvas } from "@robust-widgets/shared/dom";
import { contextFor } from "../../shared/tests/canvas";
import { Ink } from "../src/pad/ink";
import type { Brush } from "../src/pad/messages";
import { readScene, stripeOpacity, type Scene } from "../src/pad/scene";
import { addHost, fill, pixel, SIDE } from "./pad";

const BRUSH: Brush = {
  tool: "brush",
  color: "#ff0000",
  size: 4,
  softness: 0,
  opacity: 1,
  layer: "sketch" as const,
  mirror: "none" as const,
};
let host: HTMLElement;

beforeEach(() => {
  host = addHost();
});

const layer = (name: string) => host.querySelector<HTMLCanvasElement>(`.rw-layer-${name}`);
const scene = (): Scene => readScene(host, SIDE, true);

function shown(ink: Ink, x: number, y: number): number[] {
  const context = createCanvas(SIDE, SIDE);
  ink.draw(context);
  return pixel(context.canvas, x, y);
}

test("a stroke covers what is within its radius", () => {
  const ink = new Ink(scene(), BRUSH);
  ink.lineTo([8, 16, 1]);
  ink.lineTo([24, 16, 1]);
  expect(shown(ink, 16, 15)).toEqual([255, 0, 0, 255]);
  expect(shown(ink, 16, 20)).toEqual([0, 0, 0, 0]);
  expect(shown(ink, 2, 16)).toEqual([0, 0, 0, 0]);
});

test("a pen without pressure paints thinner", () => {
  const covered = (pressure: number) => {
    const ink = new Ink(scene(), { ...BRUSH, size: 10 });
    ink.lineTo([16, 16, pressure]);
    return Array.from({ length: SIDE }, (_, y) => shown(ink, 16, y)[3]).filter(Boolean).length;
  };
  expect(covered(1)).toBe(10);
  expect(covered(0)).toBe(4);
});

test("a stroke that crosses itself does not get darker", () => {
  const ink = new Ink(scene(), { ...BRUSH, opacity: 0.5 });
  for (const x of [8, 24, 8]) ink.lineTo([x, 16, 1]);
  expect(shown(ink, 16, 16)).toEqual([255, 128, 128, 255]);
});

test("the next ink starts from the last one", () => {
  const first = new Ink(scene(), { ...BRUSH, opacity: 0.5 });
  first.lineTo([16, 16, 1]);
  const second = new Ink(first.after ?? scene(), { ...BRUSH, opacity: 0.5 });
  second.lineTo([16, 16, 1]);
  expect(shown(second, 16, 16)).toEqual([255, 64, 64, 255]);
});

test("the eraser shows the image below", () => {
  fill(layer("image"), [0, 0, 255, 255]);
  fill(layer("painting"), [255, 0, 0, 255]);
  const ink = new Ink(scene(), { ...BRUSH, tool: "eraser" });
  ink.lineTo([16, 16, 1]);
  expect(shown(ink, 16, 16)).toEqual([0, 0, 255, 255]);
});

test("ink on the mask tints the painting in stripes", () => {
  const ink = new Ink(scene(), { ...BRUSH, layer: "mask" });
  ink.lineTo([16, 16, 1]);
  const tint = stripeOpacity(16, 16);
  expect(shown(ink, 16, 16)).toEqual([
    255 - Math.round(41 * tint),
    Math.round(255 * (1 - tint)),
    expect.any(Number),
    255,
  ]);
  expect(ink.after?.mask[16 * SIDE + 16]).toBe(255);
  expect(ink.after?.painting.every((value) => value === 255)).toBe(true);
});

test("an area covers the inside of its corners only", () => {
  const ink = new Ink(scene(), BRUSH);
  ink.fill([
    [4, 4],
    [12, 4],
    [12, 12],
    [4, 12],
  ]);
  expect([shown(ink, 4, 4)[3], shown(ink, 11, 11)[3], shown(ink, 12, 12)[3]]).toEqual([255, 255, 0]);
  ink.fill([
    [20, 20],
    [28, 20],
    [28, 28],
  ]);
  expect(shown(ink, 5, 5)[3]).toBe(0);
});

test("ink can be taken back", () => {
  const ink = new Ink(scene(), BRUSH);
  ink.lineTo([16, 16, 1]);
  ink.reset();
  expect(ink.isEmpty).toBe(true);
  expect(shown(ink, 16, 16)[3]).toBe(0);
  expect(ink.after?.painting.every((value) => value === 255)).toBe(true);
});

test("sealed ink looks the same, and knows itself on the canvas", () => {
  const ink = new Ink(scene(), BRUSH);
  ink.lineTo([20, 10, 1]);
  ink.seal();
  expect(shown(ink, 20, 10)).toEqual([255, 0, 0, 255]);
  expect(ink.isOnCanvas(host)).toBe(false);
  const painting = layer("painting");
  if (painting) ink.draw(contextOf(painting));
  expect(ink.isOnCanvas(host)).toBe(true);
  fill(painting, [245, 0, 0, 255]);
  expect(ink.isOnCanvas(host)).toBe(false);
});

test("the canvases of the layers are never read themselves, of which browsers warn", () => {
  const ink = new Ink(scene(), BRUSH);
  ink.lineTo([20, 10, 1]);
  ink.seal();
  expect(ink.isOnCanvas(host)).toBe(false);
  const canvases = [...host.querySelectorAll("canvas")];
  expect(canvases).toHaveLength(3);
  for (const canvas of canvases) expect(contextFor(canvas).calls).not.toContain("getImageData");
});

test("ink outside of the painting is empty", () => {
  const ink = new Ink(scene(), BRUSH);
  ink.lineTo([-20, -20, 1]);
  ink.seal();
  expect(ink.isEmpty).toBe(true);
  expect(ink.isOnCanvas(host)).toBe(true);
});

test("each ink has a number of its own", () => {
  const numbers = Array.from({ length: 5 }, () => new Ink(scene(), BRUSH).id);
  expect(new Set(numbers).size).toBe(5);
  expect(numbers.every(Number.isSafeInteger)).toBe(true);
});
