/** Connection of a widget to its kernel; tracks whether the kernel is alive. */
import type { WidgetModel } from "./model";

/** A model whose `send` returns whether a kernel took the message. */
export interface Connection<State, Incoming, Outgoing> extends Omit<WidgetModel<State, Incoming, Outgoing>, "send"> {
  send(content: Outgoing, buffers?: ArrayBuffer[]): boolean;
  /** Whether a kernel is there. After a loss it is probed again. */
  isAlive(): boolean;
}

/** Sends a message to the kernel; false if there is none. */
export function trySend<State, Incoming, Outgoing>(
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

/** A kernel may have ended, or there never was one, as for a widget that a saved notebook brought back. */
export type Kernel = "running" | "ended" | "absent";

/** What a widget says of its kernel; nothing of one that is running.
 *
 * @param widget names it, such as "studio"
 * @param next what to do, as a sentence
 */
export const kernelText = (kernel: Kernel, widget: string, next: string): string =>
  kernel === "running"
    ? ""
    : `${kernel === "ended" ? "The kernel has ended." : `This ${widget} has no kernel.`} ${next}`;

/** ipywidgets marks so the view of a model without a kernel, before it is rendered; its messages are dropped silently. */
const DISCONNECTED = "jupyter-widgets-disconnected";

/** Connects a model to its kernel.
 *
 * @param el the view's element
 * @param hello message that probes the kernel
 * @param changed called when the kernel is lost and when it is back; if there is none at all, once the view is rendered
 */
export function connect<State, Incoming, Outgoing>(
  model: WidgetModel<State, Incoming, Outgoing>,
  el: HTMLElement,
  hello: Outgoing,
  changed: (kernel: Kernel) => void,
  signal: AbortSignal,
): Connection<State, Incoming, Outgoing> {
  const isConnected = () => !el.classList.contains(DISCONNECTED);
  let kernel: Kernel = isConnected() ? "running" : "absent";
  const send = (content: Outgoing, buffers?: ArrayBuffer[]) => {
    const wasTaken = isConnected() && trySend(model, content, buffers);
    if (wasTaken !== (kernel === "running")) {
      kernel = wasTaken ? "running" : "ended";
      changed(kernel);
    }
    return wasTaken;
  };
  // ipywidgets reports a restart a moment before JupyterLab closes the old connection.
  const probe = () => {
    window.setTimeout(() => {
      if (!signal.aborted) send(hello);
    });
  };
  if (kernel === "absent") {
    window.setTimeout(() => {
      if (!signal.aborted && kernel === "absent") changed(kernel);
    });
  }
  model.on("comm_live_update", probe);
  signal.addEventListener("abort", () => model.off("comm_live_update", probe));
  return {
    get: (name) => model.get(name),
    set: (name, value) => model.set(name, value),
    save_changes: () => model.save_changes(),
    on: model.on.bind(model),
    off: model.off.bind(model),
    send,
    isAlive: () => kernel === "running" || send(hello),
  };
}
