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

/** Connects a model to its kernel.
 *
 * @param hello message that probes the kernel
 * @param changed called with true when the kernel is lost, with false when it is back
 */
export function connect<State, Incoming, Outgoing>(
  model: WidgetModel<State, Incoming, Outgoing>,
  hello: Outgoing,
  changed: (isLost: boolean) => void,
  signal: AbortSignal,
): Connection<State, Incoming, Outgoing> {
  let isLost = false;
  const send = (content: Outgoing, buffers?: ArrayBuffer[]) => {
    const wasTaken = trySend(model, content, buffers);
    if (wasTaken === isLost) {
      isLost = !wasTaken;
      changed(isLost);
    }
    return wasTaken;
  };
  // ipywidgets reports a restart a moment before JupyterLab closes the old connection.
  const probe = () => {
    window.setTimeout(() => {
      if (!signal.aborted) send(hello);
    });
  };
  model.on("comm_live_update", probe);
  signal.addEventListener("abort", () => model.off("comm_live_update", probe));
  return {
    get: (name) => model.get(name),
    set: (name, value) => model.set(name, value),
    save_changes: () => model.save_changes(),
    on: model.on.bind(model),
    off: model.off.bind(model),
    send,
    isAlive: () => !isLost || send(hello),
  };
}
