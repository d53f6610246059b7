/** Python code that repeats a run, as `codegen.py` writes it. */
import type { ParameterValue, Pictures } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import type { ModelDeclaration, ParameterDeclaration, TaskDeclaration } from "../manifest";
import { pictureOf } from "../painting/pictures";
import type { Trace } from "../runs/trace";
import { InputError } from "../studio/problems";
import { png } from "./png";

const WIDTH = 100;

/** @throws InputError the run is of another task, or does not record what it was made from */
export async function pythonCode(
  trace: Trace,
  tasks: readonly TaskDeclaration[],
  model: Pick<ModelDeclaration, "name" | "source">,
): Promise<string> {
  const { description, inputs } = trace;
  const task = tasks.find(({ name }) => name === description.task);
  if (!task) throw new InputError(say("This page does not have the task of this run, so there is no code for it."));
  const names = [...(task.takesPicture ? ["picture"] : []), ...(task.takesMask ? ["mask"] : [])];
  const { picture, mask, start } = inputs;
  if ((task.takesPicture && !picture) || (task.takesMask && !mask)) {
    throw new InputError(say("This run does not record its picture, so there is no code that repeats it."));
  }
  const lines = ["import base64", "", "import robust_widgets as rw", ""];
  if (description.fingerprint) lines.push(`# The fingerprint of the model was ${repr(description.fingerprint)}.`);
  lines.push(modelLine(description.model, model));
  if (task.takesPicture && picture) lines.push(...(await pictureLines("picture", picture, 0)));
  if (task.takesMask && mask) lines.push(...(await maskLines(mask.width, mask.height, mask.levels)));
  const parameters = Object.entries(description.parameters).map(
    ([name, value]) =>
      `${name}=${valueOf(
        value,
        task.parameters.find((other) => other.name === name),
      )}`,
  );
  if (!start) {
    lines.push(...call(`trace = rw.${task.name}`, [...names, repr(description.target), "model=model", ...parameters]));
    return [...lines, "trace", ""].join("\n");
  }
  lines.splice(1, 0, "import dataclasses");
  for (let index = 0; index < start.count; index++) {
    lines.push(...(await pictureLines(`start_${index}`, start, index)));
  }
  const keywords = names.map((name) => `${name}=${name}`);
  const values = [repr(task.name), repr(description.target), ...keywords, "model=model", ...parameters];
  lines.push(...call("problem = rw.make_problem", values));
  const starts = Array.from({ length: start.count }, (_, index) => `start_${index}`).join(", ");
  lines.push(
    `start = rw.to_batch([${starts}], problem.start.shape[-1]).to(model.device)`,
    "trace = rw.run(dataclasses.replace(problem, start=start))",
    "trace",
    "",
  );
  return lines.join("\n");
}

function modelLine(name: string, model: Pick<ModelDeclaration, "name" | "source">): string {
  const source = name === model.name ? model.source : "";
  if (source) return `model = rw.load_model(${repr(source)})`;
  return `# The model was ${repr(name)}, which is not bundled with robust-widgets; create it here, as model.`;
}

/** A parameter as Python writes it: a number that is not whole by its nature is a float. */
function valueOf(value: ParameterValue, parameter: ParameterDeclaration | undefined): string {
  if (value === null) return "None";
  if (typeof value === "string") return repr(value);
  const isWhole = parameter?.kind === "number" && parameter.whole;
  return Number.isInteger(value) && !isWhole ? `${value}.0` : String(value);
}

/** A text as Python writes it. */
function repr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

const pictureLines = async (name: string, pictures: Pictures, index: number): Promise<string[]> =>
  base64Lines(name, await png({ ...pictures, count: 1, pixels: pictureOf(pictures, index) }));

async function maskLines(width: number, height: number, levels: Uint8Array): Promise<string[]> {
  const pixels = new Uint8Array(3 * levels.length);
  levels.forEach((level, at) => pixels.fill(level, 3 * at, 3 * at + 3));
  return base64Lines("mask", await png({ count: 1, width, height, pixels }));
}

function base64Lines(name: string, file: Uint8Array): string[] {
  let binary = "";
  for (const byte of file) binary += String.fromCharCode(byte);
  const parts = btoa(binary).match(new RegExp(`.{1,${WIDTH}}`, "g")) ?? [];
  return [`${name} = base64.b64decode(`, ...parts.map((part) => `    "${part}"`), ")"];
}

/** A call on one line, or with one argument per line if that is too long. */
function call(name: string, values: readonly string[]): string[] {
  const line = `${name}(${values.join(", ")})`;
  return line.length <= WIDTH ? [line] : [`${name}(`, ...values.map((value) => `    ${value},`), ")"];
}
