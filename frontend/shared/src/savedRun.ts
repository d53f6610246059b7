/** Reads saved runs. */
import type { Run } from "./player";
import {
  areParameters,
  HEXADECIMAL,
  isText,
  isWhole,
  LARGEST_PIXELS,
  LARGEST_SIDE,
  MOST_PICTURES,
  NAME,
} from "./limits";
import { DamagedError, unzip } from "./zip";

/** The version of the format that is read here. */
export const VERSION = 1;

/** The file has a format version that cannot be read here. */
export class OtherVersionError extends Error {
  override readonly name = "OtherVersionError";

  constructor(readonly version: number) {
    super(`format ${version}`);
  }
}

/** What a run was. */
export interface RunParameters {
  task: string;
  target: string;
  model: string;
  fingerprint: string;
  seed: number | null;
  knobs: [name: string, value: unknown][];
  size: { count: number; height: number; width: number };
}

export interface SavedRun extends RunParameters {
  /** For the player; its frames are indices of ``pictures``. */
  run: Run;
  /** PNG, one for each step. */
  pictures: Uint8Array<ArrayBuffer>[];
}

/** Reads a run that `Trace.save` wrote as .rwtrace.
 * @throws DamagedError, OtherVersionError */
export function readRun(bytes: Uint8Array<ArrayBuffer>): SavedRun {
  const parts = unzip(bytes);
  const saved = record(json(parts.get("run.json")), "run.json");
  if (saved["format"] !== "robust-widgets run") throw new DamagedError("it is another kind of archive");
  const version = number(saved["version"], "version");
  if (version !== VERSION) throw new OtherVersionError(version);
  const count = whole(saved["frames"], "frames", parts.size);
  const size = shape(record(saved["pictures"], "pictures"));
  const pictures = Array.from({ length: count }, (_, step) => {
    const name = `frames/${String(step).padStart(5, "0")}.png`;
    const picture = parts.get(name);
    if (!picture) throw new DamagedError(`its part ${name} is missing`);
    if (!isGrid(picture, size)) throw new DamagedError(`its part ${name} has another size`);
    return picture;
  });
  const header = record(saved["header"], "header");
  const curves = record(saved["curves"], "curves");
  const column = (name: string) => values(curves[name], name, count);
  const steps = column("steps").map((step) => number(step, "steps"));
  const [task, target] = [text(header["task"], NAME), text(header["target"])];
  const run: Run = {
    title: target,
    task: task.replaceAll("_", " "),
    last: steps[steps.length - 1] ?? 0,
    steps,
    loss: column("loss"),
    probability: column("probability"),
    distance: column("distance"),
    radius: curves["radius"] === null ? null : number(curves["radius"], "radius"),
    frames: steps.map((_, index) => String(index)),
  };
  return {
    run,
    pictures,
    task,
    target,
    model: text(header["model"]),
    fingerprint: text(header["fingerprint"], HEXADECIMAL),
    seed: header["seed"] === null ? null : number(header["seed"], "seed"),
    knobs: parametersIn(record(header["knobs"], "knobs")),
    size,
  };
}

type Shape = RunParameters["size"];

function shape(size: Record<string, unknown>): Shape {
  return {
    count: whole(size["count"], "count", MOST_PICTURES),
    height: whole(size["height"], "height", LARGEST_SIDE),
    width: whole(size["width"], "width", LARGEST_SIDE),
  };
}

/** Whether the head of a PNG tells the size of a grid of the run's pictures, which the browser can show. */
function isGrid(png: Uint8Array<ArrayBuffer>, { count, height, width }: Shape): boolean {
  if (png.length < 24) return false;
  const head = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const columns = Math.ceil(Math.sqrt(count));
  const [across, down] = [columns * width, Math.ceil(count / columns) * height];
  return (
    head.getUint32(16) === across &&
    head.getUint32(20) === down &&
    Math.max(across, down) <= LARGEST_SIDE &&
    across * down <= LARGEST_PIXELS
  );
}

function parametersIn(values: Record<string, unknown>): [name: string, value: unknown][] {
  if (!areParameters(values)) throw unreadable("knobs");
  return Object.entries(values);
}

function json(bytes: Uint8Array | undefined): unknown {
  if (!bytes) throw new DamagedError("its part run.json is missing");
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new DamagedError("its part run.json is damaged");
  }
}

const unreadable = (name: string) => new DamagedError(`its ${name} cannot be read`);

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(name);
  return value as Record<string, unknown>;
}

function number(value: unknown, name: string): number {
  if (typeof value !== "number") throw unreadable(name);
  return value;
}

function whole(value: unknown, name: string, most: number): number {
  if (!isWhole(value, 1, most)) throw unreadable(name);
  return value;
}

function text(value: unknown, pattern?: RegExp): string {
  if (!isText(value, pattern)) throw unreadable("header");
  return value;
}

function values(value: unknown, name: string, count: number): (number | null)[] {
  if (!Array.isArray(value) || value.length !== count || count < 1) throw unreadable(name);
  return value.map((item: unknown) => (item === null ? null : number(item, name)));
}
