/** The Python that a studio's kernel is asked to run. */

/** What a studio is opened with. */
export interface Wish {
  /** A picture or a saved run, as the kernel's folder knows it. */
  file?: string | undefined;
  /** A model's name or file; by default the shipped one. */
  model?: string | undefined;
}

/** Shows the studio of this tab: a new one, or the one that the kernel has already. */
export function show({ file, model }: Wish): string {
  const given = [file && quoted(file), model && `model=${quoted(model)}`].filter(Boolean).join(", ");
  return `import robust_widgets.lab\nrobust_widgets.lab.show(${given})`;
}

/** An expression: whether there is paint or a run that was not saved. */
export const UNSAVED = '__import__("robust_widgets.lab").lab.unsaved()';

/** Text as a Python literal: JSON's are among Python's. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
