/** Runs in a notebook's output: what is told of them under a MIME type of their own, and the player beside it, which
 * holds their pictures and curves, so that these stand in the file only once. */
import type { Run } from "@robust-widgets/shared/player";

export const MIME = "application/vnd.robust-widgets.run+json";
/** The version of what is told that is read here. */
export const VERSION = 1;

/** What is told of one run. */
export interface Told {
  /** What the kernel that made it knows it by. */
  name: string;
  header: {
    task: string;
    model: string;
    fingerprint: string;
    seed: number | null;
    target: string;
    knobs: Record<string, unknown>;
  };
  /** How many pictures it made. */
  frames: number;
  pictures: { count: number; height: number; width: number };
}

export interface OutputRun {
  told: Told;
  /** For the player; a frame is JPEG in base64. */
  run: Run;
}

export interface Output {
  runs: OutputRun[];
  /** Whether a live widget in the same cell shows these runs already. */
  standsIn: boolean;
}

/** Reads an output's bundle; undefined where something is missing, of another version, or does not fit. */
export function readOutput(bundle: Readonly<Record<string, unknown>>): Output | undefined {
  const told = bundle[MIME] as { version?: unknown; standsIn?: unknown; runs?: unknown } | undefined;
  const html = bundle["text/html"];
  const text = Array.isArray(html) ? html.join("") : html;
  if (told?.version !== VERSION || !Array.isArray(told.runs) || typeof text !== "string") return undefined;
  const runs = runsIn(text);
  if (runs.length !== told.runs.length || !runs.length) return undefined;
  const paired = runs.map((run, index) => ({ run, told: (told.runs as Told[])[index] }));
  const whole = paired.filter((one): one is OutputRun => isTold(one.told) && isRun(one.run));
  return whole.length === runs.length ? { runs: whole, standsIn: told.standsIn === true } : undefined;
}

/** The runs in a player; nothing in it is executed. */
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

function isTold(value: unknown): value is Told {
  if (!isRecord(value)) return false;
  const { name, header, frames, pictures } = value;
  return typeof name === "string" && typeof frames === "number" && isRecord(pictures) && isHeader(header);
}

function isHeader(value: unknown): boolean {
  if (!isRecord(value) || !isRecord(value["knobs"])) return false;
  return ["task", "model", "fingerprint", "target"].every((name) => typeof value[name] === "string");
}

function isRun(value: unknown): value is Run {
  if (!isRecord(value) || !Array.isArray(value["steps"])) return false;
  const count = value["steps"].length;
  const columns = ["loss", "probability", "distance", "frames"];
  return count > 0 && columns.every((name) => isList(value[name], count)) && typeof value["title"] === "string";
}
