/** What a parameter may be, and how it is read from a text. As `parameters.py`. */
import type { ParameterValue } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import { checkParameter } from "../engine/parameters";
import type { ChoiceParameter, NumberParameter, ParameterDeclaration } from "../manifest";

/** Stands for no value in a link. */
export const NONE = "none";

/** Whether a parameter may have this value. */
export function isAllowed(parameter: ParameterDeclaration, value: ParameterValue): boolean {
  try {
    checkParameter(parameter, value);
    return true;
  } catch {
    return false;
  }
}

/** The allowed values, in words. */
export function allowedWords(parameter: ParameterDeclaration): string {
  return parameter.kind === "choice" ? allowedChoices(parameter) : allowedNumbers(parameter);
}

function allowedNumbers({ whole, minimum, aboveMinimum, maximum, optional, among }: NumberParameter): string {
  if (among) return [...among, ...(optional ? [say("none")] : [])].join(", ");
  const kind = whole ? say("a whole number") : say("a number");
  const bound = aboveMinimum ? say("above %1", minimum) : say("of at least %1", minimum);
  const top = maximum === null ? "" : ` ${say("and at most %1", maximum)}`;
  return `${kind} ${bound}${top}${optional ? ` ${say("or none")}` : ""}`;
}

function allowedChoices({ options, weight, optional }: ChoiceParameter): string {
  const words = Object.keys(options);
  if (weight) words.push(say("a number"));
  if (optional) words.push(say("none"));
  return words.join(", ");
}

/** A value from a link; undefined if the parameter cannot have it. */
export function valueFrom(parameter: ParameterDeclaration, text: string): ParameterValue | undefined {
  const isNumber = text.trim() !== "" && Number.isFinite(Number(text));
  const isOption = parameter.kind === "choice" && Object.hasOwn(parameter.options, text);
  const value = text === NONE && !isOption ? null : isOption || !isNumber ? text : Number(text);
  return isAllowed(parameter, value) ? value : undefined;
}

/** A value as it stands in a link. */
export const textOf = (value: ParameterValue): string => (value === null ? NONE : String(value));
