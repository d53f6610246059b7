/** Checks a task's parameters as Python does, with the same sentences. */
import type { ParameterValue, ParameterValues } from "@robust-widgets/shared/session";
import type { ParameterDeclaration, TaskDeclaration } from "../manifest";
import { UserError } from "./errors";

/** All parameters of a task, with defaults for those not given. Throws if one is unknown or out of range. */
export function checkParameters(task: TaskDeclaration, values: ParameterValues): Record<string, ParameterValue> {
  const declared = new Map(task.parameters.map((parameter) => [parameter.name, parameter]));
  for (const name of Object.keys(values)) {
    if (declared.has(name)) continue;
    if (name in task.fixed && values[name] === task.fixed[name]) continue;
    const reason = name in task.fixed ? "cannot be changed on a page" : "is unknown";
    throw new UserError("parameter-unknown", `The parameter ${name} of ${task.name} ${reason}; leave it out.`, {
      name,
    });
  }
  const checked: Record<string, ParameterValue> = {};
  for (const parameter of task.parameters) {
    checked[parameter.name] = checkParameter(parameter, values[parameter.name] ?? missing(parameter, values));
  }
  return { ...checked, ...task.fixed };
}

function missing({ name, default: value }: ParameterDeclaration, values: ParameterValues): ParameterValue {
  return name in values && values[name] !== undefined ? null : value;
}

/** The value, which may be a number in words. Throws if it is not allowed. */
export function checkParameter(parameter: ParameterDeclaration, value: ParameterValue): ParameterValue {
  if (value === null && parameter.optional) return null;
  if (parameter.kind === "choice" && typeof value === "string" && Object.hasOwn(parameter.options, value)) return value;
  if (typeof value === "number" && allows(parameter, value)) return value;
  const words = typeof value === "string" ? `'${value}'` : String(value);
  throw new UserError(
    "parameter-out-of-range",
    `${parameter.name} is ${words.slice(0, 200)}; give ${allowed(parameter)}.`,
    { name: parameter.name, value: words },
  );
}

function allows(parameter: ParameterDeclaration, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (parameter.kind === "choice") return parameter.weight && value >= 0;
  const { minimum, maximum, aboveMinimum, whole, among } = parameter;
  if (among && !among.includes(value)) return false;
  const isAbove = aboveMinimum ? value > minimum : value >= minimum;
  return isAbove && value <= (maximum ?? Infinity) && (!whole || Number.isInteger(value));
}

/** The allowed values in words. */
export function allowed(parameter: ParameterDeclaration): string {
  if (parameter.kind === "choice") {
    const words = Object.keys(parameter.options).map((word) => `'${word}'`);
    if (parameter.weight) words.push("a finite number of at least 0");
    if (parameter.optional) words.push("None");
    return listed(words);
  }
  const { whole, aboveMinimum, minimum, maximum, among } = parameter;
  if (among) return listed([...among.map(String), ...(parameter.optional ? ["None"] : [])]);
  const kind = whole ? "a whole number" : "a finite number";
  const bound = aboveMinimum ? `above ${minimum}` : `of at least ${minimum}`;
  return `${kind} ${bound}${maximum === null ? "" : ` and at most ${maximum}`}`;
}

const listed = (words: readonly string[]): string =>
  words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}` : (words[0] ?? "");
