/** A widget's line to its kernel, which may have ended or been restarted: then nobody is there to hear it. */
import type { WidgetModel } from "./anywidget";

/** A model whose `send` says whether there was a kernel to take the message. */
export interface Line<State, Incoming, Outgoing> extends Omit<WidgetModel<State, Incoming, Outgoing>, "send"> {
  send(content: Outgoing, buffers?: ArrayBuffer[]): boolean;
  /** Whether a kernel is there; one that was gone is asked again. */
  reaches(): boolean;
}

/** Send to the kernel; false where none is there. */
export function post<State, Incoming, Outgoing>(
  model: WidgetModel<State, Incoming, Outgoing>,
  content: Outgoing,
  buffers?: ArrayBuffer[],
): boolean {
  try {
    model.send(content, undefined, buffers);
    return true;
  } catch {
    return false;
  }
}

/** The line of a model.
 *
 * @param hello what is sent to find out whether a kernel is there
 * @param changed told when the kernel is found gone, and when it is found again
 */
export function lineOf<State, Incoming, Outgoing>(
  model: WidgetModel<State, Incoming, Outgoing>,
  hello: Outgoing,
  changed: (gone: boolean) => void,
  signal: AbortSignal,
): Line<State, Incoming, Outgoing> {
  let gone = false;
  const send = (content: Outgoing, buffers?: ArrayBuffer[]) => {
    const taken = post(model, content, buffers);
    if (taken === gone) changed((gone = !taken));
    return taken;
  };
  // ipywidgets says that a kernel restarts a moment before JupyterLab lets go of it.
  const ask = () => void window.setTimeout(() => signal.aborted || send(hello));
  model.on("comm_live_update", ask);
  signal.addEventListener("abort", () => model.off("comm_live_update", ask));
  return {
    get: (name) => model.get(name),
    set: (name, value) => model.set(name, value),
    save_changes: () => model.save_changes(),
    on: model.on.bind(model),
    off: model.off.bind(model),
    send,
    reaches: () => !gone || send(hello),
  };
}
