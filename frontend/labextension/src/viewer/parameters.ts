/** The parameters of a run, as a list of names and values. */
import type { TranslationBundle } from "@jupyterlab/translation";
import { element, setText } from "@robust-widgets/shared/dom";
import type { RunParameters } from "@robust-widgets/shared/savedRun";

export function parameterList(run: RunParameters, trans: TranslationBundle): HTMLElement {
  const { task, target, model, fingerprint, seed, knobs, size } = run;
  const list = element("dl", "rw-run-facts", { "aria-label": trans.__("parameters of the run") });
  const pictures = `${size.count} × ${size.width} × ${size.height} px`;
  const rows: [string, string][] = [
    [trans.__("task"), spaced(task)],
    [trans.__("target"), target],
    [trans.__("model"), [model, fingerprint && `(${fingerprint.slice(0, 12)})`].filter(Boolean).join(" ")],
    [trans.__("seed"), seed === null ? trans.__("none") : String(seed)],
    [trans.__("pictures"), pictures],
    ...knobs
      .filter(([name]) => name !== "seed")
      .map(([name, value]): [string, string] => [spaced(name), formatValue(value)]),
  ];
  for (const [name, value] of rows.filter(([, value]) => value !== "")) {
    const [term, description] = [element("dt", ""), element("dd", "")];
    setText(term, name);
    setText(description, value);
    list.append(term, description);
  }
  return list;
}

const spaced = (name: string): string => name.replaceAll("_", " ");

/** Formats a parameter's value. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  return typeof value === "string" ? value : JSON.stringify(value);
}
