/** The state that the pad shares with Python, and the messages between them. Coordinates are raster units, 0 to side. */
import type { Connection } from "@robust-widgets/shared/connection";
import type { WidgetModel } from "@robust-widgets/shared/model";
import type { Rectangle } from "./rectangle";

export type Tool = "brush" | "eraser" | "line" | "rectangle" | "lasso" | "fill" | "eyedropper";
export type Layer = "sketch" | "mask";
export type RasterLayer = Layer | "image";
/** Where each stroke is repeated: across the vertical middle line (x), the horizontal one (y), or both. */
export type Mirror = "none" | "x" | "y" | "both";
/** What the pressure of a pen sets. */
export type Pressure = "size" | "opacity" | "both" | "none";
export type Action = "undo" | "redo" | "run" | "stop" | "smaller" | "larger" | "invert";
/** x, y in raster units, pressure 0 to 1. */
export type Point = [number, number, number];
export type Place = [number, number];

/** The settings of a stroke, sent along with it: Python paints what was shown, even if they changed meanwhile. */
export interface Brush {
  tool: "brush" | "eraser";
  color: string;
  size: number;
  softness: number;
  opacity: number;
  layer: Layer;
  mirror?: Mirror;
  pressure?: Pressure;
}

export interface State {
  side: number;
  display_side: number;
  tool: Tool;
  color: string;
  brush_size: number;
  softness: number;
  opacity: number;
  layer: Layer;
  masking: boolean;
  /** Layers that are not seen, and do not go into a run. */
  hidden: readonly RasterLayer[];
  /** Layers that nothing is painted on. */
  locked: readonly RasterLayer[];
  /** Left out where what is painted cannot be mirrored. */
  mirror?: Mirror;
  label: string;
  /** A sentence over an empty canvas; empty once something is painted. */
  hint?: string;
  /** Whether the painting is restored when the cell runs again. */
  autosaved: boolean;
}

export type Incoming =
  | { kind: "painted"; id: number }
  | { kind: "clear" }
  /** A picture file from elsewhere, in a buffer, to be placed. */
  | { kind: "bring"; name: string; type: string };

export type Outgoing =
  | { kind: "hello" }
  | { kind: "stroke"; id: number; phase: "begin" | "move" | "end"; points: Point[]; brush: Brush }
  | { kind: "area"; id: number; corners: Place[]; brush: Brush }
  | { kind: "fill"; point: Place; brush: Brush }
  | { kind: "pick"; point: Place }
  | { kind: "action"; name: Action }
  /** A picture file, in a buffer, and where it lies: left, top, width and height. */
  | { kind: "picture"; name: string; type: string; place: Rectangle }
  /** The address of a picture, for whoever can load it. */
  | { kind: "address"; address: string }
  | { kind: "refused"; name: string; reason: string };

export type RawModel = WidgetModel<State, Incoming, Outgoing>;
export type Model = Connection<State, Incoming, Outgoing>;

/** Width of a pen stroke without pressure, as a fraction of the brush. */
export const LEAST_WIDTH = 0.3;
/** Opacity of a pen stroke without pressure, as a fraction of the brush's. */
export const LEAST_OPACITY = 0.05;

/** The fractions of the brush's size and opacity that a pressure gives; the lightest touch still leaves a line. */
export function weighted(pressure: number, sets: Pressure): [width: number, opacity: number] {
  const from = (least: number, isSet: boolean) => (isSet ? least + (1 - least) * pressure : 1);
  return [
    from(LEAST_WIDTH, sets === "size" || sets === "both"),
    from(LEAST_OPACITY, sets === "opacity" || sets === "both"),
  ];
}

export const brushOf = (model: Model, erase: boolean, pressure: Pressure): Brush => ({
  tool: erase ? "eraser" : "brush",
  color: model.get("color"),
  size: model.get("brush_size"),
  softness: model.get("softness"),
  opacity: model.get("opacity"),
  layer: model.get("layer"),
  mirror: model.get("mirror") ?? "none",
  pressure,
});

/** A point, and its images across the middle lines. */
export function mirrored<P extends readonly [number, number, ...(number | undefined)[]]>(
  point: P,
  mirror: Mirror,
  side: number,
): P[] {
  const flip = (from: P, axis: 0 | 1): P => {
    const image = [...from];
    image[axis] = side - from[axis];
    return image as unknown as P;
  };
  const across = mirror === "x" || mirror === "both" ? [point, flip(point, 0)] : [point];
  return mirror === "y" || mirror === "both" ? [...across, ...across.map((from) => flip(from, 1))] : across;
}

/** Sets a trait here at once, and syncs it to Python. */
export function choose<Name extends "tool" | "layer" | "color" | "mirror" | "hidden" | "locked">(
  model: Model,
  name: Name,
  value: State[Name],
): void {
  model.set(name, value);
  model.save_changes();
}
