/** Links that carry a task, its class or feature, and its parameters with the seed. */
import type { ParameterValue } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import { textOf, valueFrom } from "../controls/parameters";
import type { TaskDeclaration } from "../manifest";

export interface Setup {
  readonly task: TaskDeclaration;
  /** Empty if the link names none. */
  readonly target: string;
  readonly parameters: Record<string, ParameterValue>;
}

/** The part of a link after `#`. */
export function hashOf({ task, target, parameters }: Setup): string {
  const values = new URLSearchParams({ task: task.name, [task.target]: target });
  for (const [name, value] of Object.entries(parameters)) values.set(name, textOf(value));
  return `#${values.toString()}`;
}

/** What a link asks for, and a sentence about what of it this page does not know.
 *
 * @param isTarget whether the page has this class or feature
 * @param missing tasks that the page does not have, with the reason in a sentence
 * @returns null if it asks for nothing */
export function readHash(
  hash: string,
  tasks: readonly TaskDeclaration[],
  isTarget: (task: TaskDeclaration, name: string) => boolean,
  missing: Readonly<Record<string, string>> = {},
): { setup: Setup | null; problem: string } | null {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const name = values.get("task");
  if (name === null) return null;
  const task = tasks.find((other) => other.name === name);
  if (!task) {
    const reason = Object.hasOwn(missing, name) ? (missing[name] ?? "") : "";
    const words = say("The link asks for the task “%1”, which this page does not have.", name);
    return { setup: null, problem: reason ? `${words} ${say(reason)}` : words };
  }
  const wanted = values.get(task.target) ?? "";
  const target = isTarget(task, wanted) ? wanted : "";
  const ignored = wanted && !target ? [wanted] : [];
  const parameters: Record<string, ParameterValue> = {};
  for (const [key, text] of values) {
    if (key === "task" || key === task.target) continue;
    const parameter = task.parameters.find((other) => other.name === key);
    const value = parameter && valueFrom(parameter, text);
    if (value === undefined) ignored.push(`${key}=${text}`);
    else parameters[key] = value;
  }
  const listed = ignored.map((text) => `“${text.slice(0, 60)}”`).join(", ");
  const problem = listed && say("The link has something that this page does not know, which is ignored: %1.", listed);
  return { setup: { task, target, parameters }, problem };
}
