/** The notebook or console around an output. */
import type { ISessionContext } from "@jupyterlab/apputils";
import type { ISignal } from "@lumino/signaling";
import type { Widget } from "@lumino/widgets";

export interface Host extends Widget {
  readonly sessionContext: ISessionContext;
  /** The file of a notebook; a console has none. */
  readonly context?: HostFile;
}

/** The part of a document's context that is used here. */
export interface HostFile {
  readonly path: string;
  readonly model: { readonly dirty: boolean };
  readonly saveState: ISignal<unknown, string>;
  save(): Promise<void>;
}

/** The widget that contains an element, if it has a kernel. */
export function hostAround(widgets: Iterable<Widget>, node: HTMLElement): Host | undefined {
  for (const widget of widgets) {
    if (widget.node.contains(node) && "sessionContext" in widget) return widget as Host;
  }
  return undefined;
}
