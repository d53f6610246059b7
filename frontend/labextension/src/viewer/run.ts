/** Reads saved runs. */
import type { Run } from "@robust-widgets/shared/player";
import type { RunParameters } from "./parameters";
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
  const count = number(saved["frames"], "frames");
  const pictures = Array.from({ length: count }, (_, step) => {
    const name = `frames/${String(step).padStart(5, "0")}.png`;
    const picture = parts.get(name);
    if (!picture) throw new DamagedError(`its part ${name} is missing`);
    return picture;
  });
  const header = record(saved["header"], "header");
  const size = record(saved["pictures"], "pictures");
  const curves = record(saved["curves"], "curves");
  const column = (name: string) => values(curves[name], name, count);
  const steps = column("steps").map((step) => number(step, "steps"));
  const [task, target] = [text(header["task"]), text(header["target"])];
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
    fingerprint: text(header["fingerprint"]),
    seed: header["seed"] === null ? null : number(header["seed"], "seed"),
    knobs: Object.entries(record(header["knobs"], "knobs")),
    size: {
      count: number(size["count"], "count"),
      height: number(size["height"], "height"),
      width: number(size["width"], "width"),
    },
  };
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

function text(value: unknown): string {
  if (typeof value !== "string") throw unreadable("header");
  return value;
}

function values(value: unknown, name: string, count: number): (number | null)[] {
  if (!Array.isArray(value) || value.length !== count || count < 1) throw unreadable(name);
  return value.map((item: unknown) => (item === null ? null : number(item, name)));
}
