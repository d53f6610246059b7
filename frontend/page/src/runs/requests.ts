/** The requests of the studio: single runs, and live mode. As `requests.py`. */
import type { ParameterValues, Pictures, RunRequest } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import type { TaskDeclaration } from "../manifest";
import { resized } from "../painting/pictures";
import type { Raster } from "../painting/raster";
import { InputError } from "../studio/problems";
import type { Trace } from "./trace";

/** What is on the canvas, as a picture. */
export function paintingOf(raster: Raster): Pictures {
  return { count: 1, width: raster.side, height: raster.side, pixels: raster.composite() };
}

/** The request for a run.
 *
 * @param start to continue from, in place of the task's own start
 * @throws InputError the canvas that the task starts from is empty, or its mask is empty or covers everything */
export function requestOf(
  task: TaskDeclaration,
  target: string,
  parameters: ParameterValues,
  raster: Raster,
  start?: Pictures,
): RunRequest {
  const values = start && "n" in parameters ? { ...parameters, n: start.count } : parameters;
  const request = { task: task.name, target, parameters: values, ...(start && { start }) };
  if (!task.takesPicture) return request;
  if (raster.showsNothing && !raster.isBlank && !start) {
    throw new InputError(
      say("Everything on the canvas is hidden, and hidden layers do not go into a run; show a layer, then press Run."),
    );
  }
  if (raster.isBlank && !start) {
    throw new InputError(say("The canvas is empty; paint something, or put a picture on it, then press Run."));
  }
  const size = start && start.width * start.height * 3;
  const picture =
    raster.showsNothing && start ? { ...start, count: 1, pixels: start.pixels.slice(0, size) } : paintingOf(raster);
  return task.takesMask ? { ...request, picture, mask: checkedMask(raster, picture) } : { ...request, picture };
}

function checkedMask(raster: Raster, picture: Pictures): RunRequest["mask"] & object {
  const levels = raster.maskLevels();
  if (raster.hidden.has("mask") && raster.hasMask) {
    throw new InputError(say("The mask is hidden, and hidden layers do not go into a run; show it, then press Run."));
  }
  if (!levels.some(Boolean)) {
    throw new InputError(say("The mask is empty; press M and mark the part of the picture to paint, then press Run."));
  }
  if (levels.every(Boolean)) {
    throw new InputError(
      say("The mask covers the whole picture; leave the part to preserve unmarked, then press Run."),
    );
  }
  const { side } = raster;
  if (picture.width === side) return { width: side, height: side, levels };
  const scaled = new Uint8Array(picture.width * picture.height).map((_, at) => {
    const [x, y] = [at % picture.width, Math.floor(at / picture.width)];
    return levels[Math.floor((y * side) / picture.height) * side + Math.floor((x * side) / picture.width)] ?? 0;
  });
  return { width: picture.width, height: picture.height, levels: scaled };
}

/** A result, under what was painted since the run started.
 *
 * @param before, now: the canvas when the run started, and now
 * @param side of the canvas, and of what is returned */
export function paintedOver(result: Uint8Array, before: Uint8Array, now: Uint8Array, side: number): Pictures {
  const pixels = result.slice();
  for (let at = 0; at < now.length; at += 3) {
    const isPainted = [0, 1, 2].some((channel) => before[at + channel] !== now[at + channel]);
    if (isPainted) pixels.set(now.subarray(at, at + 3), at);
  }
  return { count: 1, width: side, height: side, pixels };
}

/** Starts runs after strokes while it is on. */
export class LiveMode {
  isOn = false;
  private before: Uint8Array;

  /** @param run starts a run from a picture, or from the canvas */
  constructor(
    private readonly raster: () => Raster,
    private readonly shown: () => { trace: Trace | null; step: number | null },
    private readonly run: (start?: Pictures) => void,
  ) {
    this.before = raster().composite();
  }

  /** A run starts from the canvas as it is. */
  runStarted(): void {
    this.before = this.raster().composite();
  }

  afterStroke(): void {
    const raster = this.raster();
    if (!this.isOn || raster.showsNothing) return;
    const { trace, step } = this.shown();
    const frame = trace?.frame(step);
    // After undo or clear, start from the canvas, not from the last result.
    if (raster.canRedo || raster.isUnpainted || !frame) {
      this.run();
      return;
    }
    const result = resized(frame.pictures, 0, raster.side);
    this.run(paintedOver(result, this.before, raster.composite(), raster.side));
  }
}

/** One picture of a frame, as the next input. If a mask protected the outside, that part is the input's own. */
export function asInput(trace: Trace, step: number | null, index: number, side: number): Uint8Array | null {
  const frame = trace.frame(step);
  if (!frame) return null;
  const result = resized(frame.pictures, Math.min(index, frame.pictures.count - 1), side);
  const { picture, mask, start } = trace.inputs;
  const isSoft = (trace.parameters["penalty"] ?? null) !== null;
  if (!picture || !mask || start || isSoft || picture.width !== side || mask.width !== side) return result;
  mask.levels.forEach((level, at) => {
    if (level <= 127) result.set(picture.pixels.subarray(3 * at, 3 * at + 3), 3 * at);
  });
  return result;
}
