/** The notebook or console around an output. */
import type { ISessionContext } from "@jupyterlab/apputils";
import type { Widget } from "@lumino/widgets";

export interface Host extends Widget {
  readonly sessionContext: ISessionContext;
}

/** The one of these widgets that is around an element, if it has a kernel. */
export function hostAround(widgets: Iterable<Widget>, node: HTMLElement): Host | undefined {
  for (const widget of widgets) {
    if (widget.node.contains(node) && "sessionContext" in widget) return widget as Host;
  }
  return undefined;
}
