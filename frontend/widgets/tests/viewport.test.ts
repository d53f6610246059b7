import { beforeEach, expect, test, vi } from "vitest";
import { Viewport } from "../src/pad/viewport";
import { setSize } from "./pad";

const WIDTH = 320;
const SIDE = 32;
const changed = vi.fn();
let surface: HTMLElement;
let viewport: Viewport;

beforeEach(() => {
  changed.mockReset();
  surface = document.createElement("div");
  setSize(surface, WIDTH);
  viewport = new Viewport(surface, () => SIDE, changed);
});

const near = (place: number[]) => place.map((value) => expect.closeTo(value, 1) as number);

test("window, surface and raster coordinates are converted", () => {
  surface.getBoundingClientRect = () => new DOMRect(100, 50, WIDTH / 2, WIDTH / 2); // a page zoomed out
  expect(viewport.onSurface(180, 130)).toEqual([160, 160]);
  expect(viewport.toRaster(180, 130)).toEqual([16, 16]);
  expect(viewport.fromRaster([16, 16])).toEqual([160, 160]);
});

test("a zoom keeps its anchor in place", () => {
  const anchor: [number, number] = [100, 200];
  const before = viewport.toRaster(...anchor);
  viewport.zoomTo(4, anchor);
  expect(viewport.toRaster(...anchor)).toEqual(near(before));
  viewport.zoomTo(9, anchor);
  expect(viewport.toRaster(...anchor)).toEqual(near(before));
  expect(surface.style.getPropertyValue("--rw-zoom")).toBe("9");
  expect(changed).toHaveBeenCalledTimes(2);
});

test("the zoom is between 1 and 16, and goes by steps", () => {
  viewport.zoomTo(0.1);
  expect(viewport.zoom).toBe(1);
  viewport.step(-1);
  expect(viewport.zoom).toBe(1);
  viewport.step(1);
  viewport.step(1);
  expect(viewport.zoom).toBe(2);
  viewport.zoomTo(100);
  viewport.step(1);
  expect(viewport.zoom).toBe(16);
  viewport.step(-1);
  expect(viewport.zoom).toBe(12);
});

test("the painting cannot be moved off the surface", () => {
  viewport.panBy(50, -50);
  expect(viewport.fromRaster([0, 0])).toEqual([0, 0]);
  viewport.zoomTo(2, [0, 0]);
  viewport.panBy(-10_000, -30);
  expect(viewport.fromRaster([SIDE, 0])).toEqual([WIDTH, -30]);
});

test("a point outside is moved into view, one inside is not", () => {
  viewport.zoomTo(4, [0, 0]);
  viewport.reveal([4, 4]);
  expect(viewport.fromRaster([0, 0])).toEqual([0, 0]);
  viewport.reveal([20, 4]);
  const [x, y] = viewport.fromRaster([20, 4]);
  expect(x).toBeCloseTo(WIDTH - 24);
  expect(y).toBeCloseTo(160);
});

test("pixels are drawn as squares from a zoom of 3 on", () => {
  viewport.zoomTo(2.9);
  expect(surface.classList.contains("rw-close")).toBe(false);
  viewport.zoomTo(3);
  expect(surface.classList.contains("rw-close")).toBe(true);
});
