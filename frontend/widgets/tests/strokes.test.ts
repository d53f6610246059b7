import { connect } from "@robust-widgets/shared/connection";
import { contextOf } from "@robust-widgets/shared/dom";
import { beforeEach, expect, test, vi } from "vitest";
import { Strokes } from "../src/pad/strokes";
import type { Tool } from "../src/pad/messages";
import { addHost, FakePad, pixel, SIDE } from "./pad";

let pad: FakePad;
let host: HTMLElement;
let paper: HTMLCanvasElement;
let strokes: Strokes;

beforeEach(() => {
  vi.useFakeTimers();
  pad = new FakePad();
  host = addHost();
  paper = document.createElement("canvas");
  host.append(paper);
  strokes = new Strokes(
    connect(pad, document.createElement("div"), { kind: "hello" }, () => undefined, new AbortController().signal),
    paper,
  );
  strokes.resize(SIDE);
});

/** Lets the next animation frame be drawn. */
const draw = () => vi.advanceTimersByTime(20);
const isInked = (x: number, y: number) => pixel(paper, x, y)[3] === 255;

function gesture(tool: Tool) {
  pad.set("tool", tool);
  const started = strokes.start([8, 8, 1]);
  if (!started) throw new Error("nothing was started");
  return started;
}

test("a stroke shows at once, and is one message", () => {
  const stroke = gesture("brush");
  stroke.extend([16, 8, 1], false);
  draw();
  expect([isInked(8, 8), isInked(15, 8)]).toEqual([true, true]);
  expect(pad.sent).toEqual([]);
  stroke.end();
  expect(pad.sent).toEqual([
    {
      kind: "stroke",
      id: expect.any(Number) as number,
      phase: "end",
      points: [
        [8, 8, 1],
        [16, 8, 1],
      ],
      brush: {
        ...({ tool: "brush", color: "#ff0000", size: 4, softness: 0, opacity: 1 } as const),
        ...{ layer: "sketch", mirror: "none", pressure: "size" },
      },
    },
  ]);
});

test("a long stroke is sent in parts", () => {
  const stroke = gesture("brush");
  vi.advanceTimersByTime(1000);
  stroke.extend([16, 8, 1], false);
  vi.advanceTimersByTime(2000);
  stroke.end();
  const parts = pad.sent.map((message) => (message.kind === "stroke" ? [message.phase, message.points.length] : []));
  expect(parts).toEqual([
    ["begin", 1],
    ["move", 1],
    ["end", 0],
  ]);
  expect(new Set(pad.sent.map((message) => "id" in message && message.id)).size).toBe(1);
});

test("points closer than the brush can show are left out, unless the pressure changed", () => {
  const stroke = gesture("brush");
  stroke.extend([8.1, 8, 1], false);
  stroke.extend([8.1, 8, 0.5], false);
  stroke.end();
  expect(pad.sent[0]).toMatchObject({
    points: [
      [8, 8, 1],
      [8.1, 8, 0.5],
    ],
  });
});

test("a stroke can be taken back until a part of it was sent", () => {
  const early = gesture("brush");
  draw();
  expect(early.cancel()).toBe(true);
  draw();
  expect(isInked(8, 8)).toBe(false);
  const late = gesture("brush");
  vi.advanceTimersByTime(1000);
  expect(late.cancel()).toBe(false);
});

test("a line has two points, and Shift turns it to an octant", () => {
  const line = gesture("line");
  line.extend([20, 10, 1], false);
  line.extend([20, 10, 1], true);
  line.end();
  expect(pad.sent[0]).toMatchObject({
    phase: "end",
    points: [
      [8, 8, 1],
      [20, 8, 1],
    ],
  });
});

test("a rectangle has four corners, and Shift makes it a square", () => {
  const area = gesture("rectangle");
  area.extend([20, 12, 1], true);
  area.end();
  expect(pad.sent[0]).toMatchObject({
    kind: "area",
    corners: [
      [8, 8],
      [20, 8],
      [20, 20],
      [8, 20],
    ],
  });
});

test("an area without an inside is not sent", () => {
  const lasso = gesture("lasso");
  lasso.extend([20, 8, 1], false);
  lasso.end();
  expect(pad.sent).toEqual([]);
});

test("fill and eyedropper are done with one click", () => {
  pad.set("tool", "fill");
  expect(strokes.start([3, 4, 1])).toBeNull();
  pad.set("tool", "brush");
  expect(strokes.start([5, 6, 1], { pick: true })).toBeNull();
  expect(pad.sent).toMatchObject([
    { kind: "fill", point: [3, 4] },
    { kind: "pick", point: [5, 6] },
  ]);
});

test("the eraser end of a pen erases", () => {
  strokes.start([8, 8, 1], { erase: true })?.end();
  expect(pad.sent[0]).toMatchObject({ brush: { tool: "eraser" } });
});

test("ink stays until the canvas shows it", () => {
  gesture("brush").end();
  const [message] = pad.sent;
  const id = message && "id" in message ? message.id : 0;
  draw();
  expect(isInked(8, 8)).toBe(true);
  strokes.receive({ kind: "painted", id });
  draw();
  expect(isInked(8, 8)).toBe(true);
  const painting = host.querySelector<HTMLCanvasElement>(".rw-layer-painting");
  if (painting) contextOf(painting).drawImage(paper, 0, 0);
  draw();
  expect(isInked(8, 8)).toBe(false);
});

test("ink that the canvas never shows goes after a while", () => {
  gesture("brush").end();
  const [message] = pad.sent;
  draw();
  strokes.receive({ kind: "painted", id: message && "id" in message ? message.id : 0 });
  vi.advanceTimersByTime(300);
  expect(isInked(8, 8)).toBe(true);
  vi.advanceTimersByTime(300);
  expect(isInked(8, 8)).toBe(false);
});

test("a cleared canvas has no ink but that of the current stroke", () => {
  gesture("brush").end();
  pad.set("tool", "brush");
  const current = strokes.start([24, 24, 1]);
  strokes.receive({ kind: "clear" });
  draw();
  expect([isInked(8, 8), isInked(24, 24)]).toEqual([false, true]);
  current?.end();
});

test("without a kernel nothing is painted", () => {
  const stroke = gesture("brush");
  pad.isDead = true;
  stroke.end();
  draw();
  expect(isInked(8, 8)).toBe(false);
  expect(strokes.start([8, 8, 1])).toBeNull();
});

test("with Shift, a stroke is a straight line from the end of the last one", () => {
  const first = gesture("brush");
  first.extend([10, 20, 1], false);
  first.end();
  pad.sent.length = 0;
  const line = strokes.start([26, 12, 1], { straight: true });
  line?.extend([26, 20, 1], true);
  draw();
  expect(isInked(18, 20)).toBe(true);
  line?.end();
  expect(pad.sent).toMatchObject([
    {
      phase: "end",
      points: [
        [10, 20, 1],
        [26, 20, 1],
      ],
    },
  ]);
});

test("symmetry repeats the ink at once, and is sent along", () => {
  pad.set("mirror", "both");
  const stroke = gesture("brush");
  draw();
  expect([isInked(8, 8), isInked(SIDE - 8, 8), isInked(8, SIDE - 8), isInked(SIDE - 8, SIDE - 8)]).toEqual([
    true,
    true,
    true,
    true,
  ]);
  stroke.end();
  expect(pad.sent).toMatchObject([{ kind: "stroke", brush: { mirror: "both" } }]);
});
