/** Reads the runs in a notebook's output. Their metadata has a MIME type of its own; pictures and curves are read from the
 * HTML player in the same output, so that the file contains them only once. */
import type { Run } from "@robust-widgets/shared/player";
import {
  areParameters,
  HEXADECIMAL,
  isSmallJpeg,
  isText,
  isWhole,
  LARGEST_SIDE,
  MOST_PICTURES,
  NAME,
} from "@robust-widgets/shared/limits";

export const MIME = "application/vnd.robust-widgets.run+json";
/** The version of the metadata that is read here. */
export const VERSION = 1;

/** Metadata of one run. */
export interface RunInfo {
  /** Its key in the kernel that created it. */
  name: string;
  header: {
    task: string;
    model: string;
    fingerprint: string;
    seed: number | null;
    target: string;
    knobs: Record<string, unknown>;
  };
  /** How many pictures it had. */
  frames: number;
  pictures: { count: number; height: number; width: number };
}

export interface OutputRun {
  info: RunInfo;
  /** For the player; a frame is JPEG in base64. */
  run: Run;
}

export interface Output {
  runs: OutputRun[];
  /** Whether a live widget in the same cell already shows these runs. */
  standsIn: boolean;
}

/** Reads a MIME bundle; undefined if anything is missing, inconsistent or of another version. */
export function readOutput(bundle: Readonly<Record<string, unknown>>): Output | undefined {
  const info = bundle[MIME] as { version?: unknown; standsIn?: unknown; runs?: unknown } | undefined;
  const html = bundle["text/html"];
  const text = Array.isArray(html) ? html.join("") : html;
  if (info?.version !== VERSION || !Array.isArray(info.runs) || typeof text !== "string") return undefined;
  const runs = runsIn(text);
  if (runs.length !== info.runs.length || !runs.length) return undefined;
  const paired = runs.map((run, index) => ({ run, info: (info.runs as RunInfo[])[index] }));
  const valid = paired.filter((pair): pair is OutputRun => isRunInfo(pair.info) && isRun(pair.run));
  return valid.length === runs.length ? { runs: valid, standsIn: info.standsIn === true } : undefined;
}

/** The runs in a player. Nothing in it is executed. */
function runsIn(html: string): unknown[] {
  const parser = new DOMParser();
  const page = parser.parseFromString(html, "text/html").querySelector("iframe")?.getAttribute("srcdoc") ?? "";
  const data = parser.parseFromString(page, "text/html").getElementById("runs")?.textContent ?? "";
  try {
    const runs: unknown = JSON.parse(data);
    return Array.isArray(runs) ? runs : [];
  } catch {
    return [];
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const isList = (value: unknown, length: number): value is unknown[] => Array.isArray(value) && value.length === length;

function isRunInfo(value: unknown): value is RunInfo {
  if (!isRecord(value)) return false;
  const { name, header, frames, pictures } = value;
  return isText(name) && isWhole(frames, 1, Infinity) && isRecord(pictures) && isShape(pictures) && isHeader(header);
}

const isShape = ({ count, height, width }: Record<string, unknown>): boolean =>
  isWhole(count, 1, MOST_PICTURES) && isWhole(height, 1, LARGEST_SIDE) && isWhole(width, 1, LARGEST_SIDE);

function isHeader(value: unknown): boolean {
  if (!isRecord(value) || !isRecord(value["knobs"]) || !areParameters(value["knobs"])) return false;
  const { task, fingerprint, model, target } = value;
  return isText(task, NAME) && isText(fingerprint, HEXADECIMAL) && isText(model) && isText(target);
}

const isNumber = (value: unknown): boolean => value === null || typeof value === "number";

function isRun(value: unknown): value is Run {
  if (!isRecord(value) || !Array.isArray(value["steps"])) return false;
  const steps: unknown[] = value["steps"];
  const { frames, title, task } = value;
  const count = steps.length;
  const columns = ["loss", "probability", "distance"].map((name) => value[name]);
  return (
    count > 0 &&
    steps.every((step) => isWhole(step, 0, Infinity)) &&
    columns.every((column) => isList(column, count) && column.every(isNumber)) &&
    isList(frames, count) &&
    frames.every((frame) => typeof frame === "string" && isSmallJpeg(frame)) &&
    isText(title) &&
    isText(task)
  );
}
