/** The Python that kernels are asked to run. */

/** What a studio is opened with. */
export interface Wish {
  /** A picture or a saved run, as the kernel's folder knows it. */
  file?: string | undefined;
  /** A model's name or file; by default the shipped one. */
  model?: string | undefined;
  /** Where it runs; by default the fastest. */
  device?: string | undefined;
}

/** What can be done of showing a studio before there is one: loading its widgets. PyTorch comes after it. */
export const WARM = "import robust_widgets.jupyter.kernel_api";

/** Shows the studio of this tab: a new one, or the one that the kernel has already. */
export function show({ file, model, device }: Wish, framesPerSecond: number): string {
  const given = [
    file && quoted(file),
    model && `model=${quoted(model)}`,
    device && `device=${quoted(device)}`,
    `frames_per_second=${framesPerSecond}`,
  ];
  return `${WARM}\nrobust_widgets.lab.show(${given.filter(Boolean).join(", ")})`;
}

/** Has the studio of this tab send at most so many steps a second, from now on. */
export function pace(framesPerSecond: number): string {
  return `${WARM}\nrobust_widgets.lab.pace(${framesPerSecond})`;
}

/** Hands a piece of a picture or a run to the studio of this tab. */
export function bring(name: string, index: number, count: number, piece: string): string {
  return `robust_widgets.jupyter.kernel_api.bring(${quoted(name)}, ${index}, ${count}, ${quoted(piece)})`;
}

/** An expression: whether there is paint or a run that was not saved, and whether there is a painting at all. */
export const LEFT = '(lambda lab: (lab.unsaved(), lab.painted()))(__import__("robust_widgets.jupyter.kernel_api").lab)';

/** An expression in a kernel that may not have loaded robust-widgets, and should not for this. */
const loaded = (module: string, then: string, otherwise: string): string =>
  `(lambda found: found.${then} if found else ${otherwise})(__import__("sys").modules.get(${quoted(module)}))`;

/** In how many pieces a run of the kernel can be fetched; 0 where it is not known. */
export const pack = (run: string): string => loaded("robust_widgets.runs.notebook", `pack(${quoted(run)})`, "0");
/** One piece of it, in base64. */
export const piece = (run: string, index: number): string =>
  loaded("robust_widgets.runs.notebook", `piece(${quoted(run)}, ${index})`, '""');
/** Whether the kernel has this widget. */
export const hasWidget = (id: string): string =>
  loaded("ipywidgets.widgets.widget", `_instances.get(${quoted(id)}) is not None`, "False");

/** Text as a Python literal: JSON's are among Python's. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
