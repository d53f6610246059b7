/** A pad on a page with the canvases below it. */
import { FakeModel } from "../../shared/tests/fakeModel";
import { contextFor } from "../../shared/tests/canvas";
import type { Incoming, Outgoing, State } from "../src/pad/messages";

export const SIDE = 32;

export class FakePad extends FakeModel<State, Incoming, Outgoing> {
  constructor(change: Partial<State> = {}) {
    super({
      side: SIDE,
      display_side: 320,
      tool: "brush",
      color: "#ff0000",
      brush_size: 4,
      softness: 0,
      opacity: 1,
      layer: "sketch",
      masking: true,
      hidden: [],
      locked: [],
      label: "canvas",
      autosaved: false,
      ...change,
    });
  }
}

/** The box with the three canvases, white, and without a mask. */
export function addHost(): HTMLElement {
  const host = document.createElement("div");
  host.className = "rw-surface";
  for (const name of ["image", "painting", "mask"]) {
    const canvas = document.createElement("canvas");
    canvas.className = `rw-layer rw-layer-${name}`;
    canvas.width = canvas.height = SIDE;
    host.append(canvas);
    if (name !== "mask") fill(canvas, [255, 255, 255, 255]);
  }
  document.body.append(host);
  return host;
}

export function fill(canvas: HTMLCanvasElement | null, pixel: number[]): void {
  if (!canvas) throw new Error("no canvas");
  for (let at = 0; at < SIDE * SIDE; at++) contextFor(canvas).set(at % SIDE, Math.floor(at / SIDE), pixel);
}

export const pixel = (canvas: HTMLCanvasElement, x: number, y: number): number[] => [...contextFor(canvas).get(x, y)];

/** Gives an element a size, which happy-dom does not compute. */
export function setSize(target: HTMLElement, width: number): void {
  Object.defineProperty(target, "offsetWidth", { value: width, configurable: true });
  target.getBoundingClientRect = () => new DOMRect(0, 0, width, width);
}
