import { beforeEach, expect, test, vi } from "vitest";
import { FrameRenderer, type Frame } from "../src/frames";
import { colorize } from "../src/heat";
import { contextFor } from "./canvas";

const painted = vi.fn<(frame: Frame) => void>();
const seen = vi.fn<(sequence: number) => void>();
let canvas: HTMLCanvasElement;
let renderer: FrameRenderer;

beforeEach(() => {
  painted.mockReset();
  seen.mockReset();
  canvas = document.createElement("canvas");
  renderer = new FrameRenderer(canvas, () => 16, { painted, seen });
});

const frame = (step: number, sequence: number | null = step, text = "jpeg"): Frame => ({
  blob: new Blob([text]),
  step,
  sequence,
});
const steps = () => painted.mock.calls.map(([{ step }]) => step);

test("a picture is painted at the size of the display, and a live one acknowledged", async () => {
  await renderer.paint(frame(3));
  expect([canvas.width, canvas.height]).toEqual([16, 16]);
  expect(steps()).toEqual([3]);
  expect(seen.mock.calls).toEqual([[3]]);
  await renderer.paint(frame(4, null));
  expect(seen).toHaveBeenCalledTimes(1);
});

test("of those that come while one is decoded, the newest is painted", async () => {
  const first = renderer.paint(frame(0));
  void renderer.paint(frame(1));
  void renderer.paint(frame(2));
  await first;
  expect(steps()).toEqual([0, 2]);
});

test("one that cannot be decoded is acknowledged, or the kernel would wait for it", async () => {
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  await renderer.paint(frame(5, 5, "broken"));
  expect(steps()).toEqual([]);
  expect(seen.mock.calls).toEqual([[5]]);
});

test("a picture of a run that was left is not painted", async () => {
  const first = renderer.paint(frame(0));
  renderer.forget();
  await first;
  expect(steps()).toEqual([]);
  expect(seen).not.toHaveBeenCalled();
});

test("a picture is painted again, but not acknowledged again", async () => {
  await renderer.paint(frame(7));
  renderer.repaint();
  await vi.waitFor(() => expect(steps()).toEqual([7, 7]));
  expect(seen).toHaveBeenCalledTimes(1);
});

test("a blank canvas has nothing to repaint", async () => {
  await renderer.paint(frame(7));
  renderer.blank();
  renderer.repaint();
  expect(canvas.width).toBe(1);
  expect(renderer.shown).toBeNull();
  expect(steps()).toEqual([7]);
});

test("a gradient lies over the dimmed picture", async () => {
  await renderer.paint({ ...frame(1), heat: new Blob(["heat"]) });
  expect(contextFor(canvas).calls).toEqual(["fillRect", "drawImage", "drawImage"]);
});

test("the gradient's colours get brighter and more opaque with its strength", () => {
  const data = Uint8ClampedArray.from([0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255]);
  colorize(data);
  const luminance = [0, 4, 8].map(
    (at) => 0.2 * (data[at] ?? 0) + 0.7 * (data[at + 1] ?? 0) + 0.1 * (data[at + 2] ?? 0),
  );
  expect(luminance).toEqual([...luminance].sort((a, b) => a - b));
  expect([...data.slice(0, 3), ...data.slice(8, 11)]).toEqual([0, 0, 4, 252, 255, 164]);
  expect([data[3], data[7], data[11]]).toEqual([80, 163, 245]);
});
