/** The Python code that kernels run. */

/** Options of a new studio. */
export interface StudioOptions {
  /** A picture or a saved run, relative to the kernel's folder. */
  file?: string | undefined;
  /** A model's name or file; by default the bundled one. */
  model?: string | undefined;
  /** The device; by default the fastest. */
  device?: string | undefined;
  /** The address of a server to paint on; by default this machine, or the server that the environment names. */
  server?: string | undefined;
}

/** The Python module with the functions that the extension calls. */
const API = "robust_widgets.jupyter.kernel_api";

/** Loads the widgets ahead of a studio. PyTorch is loaded later. */
export const PRELOAD = `import ${API}`;

/** Shows the studio of this tab: the one that the kernel already has, or a new one. */
export function show({ file, model, device, server }: StudioOptions, framesPerSecond: number): string {
  const options = [
    file && quoted(file),
    model && `model=${quoted(model)}`,
    device && `device=${quoted(device)}`,
    server && `server=${quoted(server)}`,
    `frames_per_second=${framesPerSecond}`,
  ];
  return `${PRELOAD}\n${API}.show(${options.filter(Boolean).join(", ")})`;
}

/** Limits how many steps a second the studio of this tab sends. */
export function setFrameRate(framesPerSecond: number): string {
  return `${PRELOAD}\n${API}.set_frame_rate(${framesPerSecond})`;
}

/** Sends a piece of a picture or a run to the studio of this tab. */
export function bring(name: string, index: number, count: number, piece: string): string {
  return `${API}.bring(${quoted(name)}, ${index}, ${count}, ${quoted(piece)})`;
}

/** An expression: whether there is unsaved paint or an unsaved run, and whether there is a painting at all. */
export const UNSAVED_WORK = `(lambda api: (api.unsaved(), api.painted()))(__import__(${quoted(API)}, fromlist=["unsaved"]))`;

/** An expression that calls a module only if the kernel has loaded it: asking must not load it. */
const loaded = (module: string, call: string, otherwise: string): string =>
  `(lambda module: module.${call} if module else ${otherwise})(__import__("sys").modules.get(${quoted(module)}))`;

/** The number of pieces in which a run can be fetched; 0 if the kernel does not know the run. */
export const pack = (run: string): string => loaded("robust_widgets.runs.notebook", `pack(${quoted(run)})`, "0");
/** One of the pieces, in base64. */
export const piece = (run: string, index: number): string =>
  loaded("robust_widgets.runs.notebook", `piece(${quoted(run)}, ${index})`, '""');
/** Whether the kernel has this widget. */
export const hasWidget = (id: string): string =>
  loaded("ipywidgets.widgets.widget", `_instances.get(${quoted(id)}) is not None`, "False");

/** A Python string literal; those of JSON are valid in Python. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
