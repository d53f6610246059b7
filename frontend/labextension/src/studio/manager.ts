/** ipywidgets in a tab that is not a notebook. */
import type { LabWidgetManager, WidgetRenderer } from "@jupyter-widgets/jupyterlab-manager";
import type { ISessionContext } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Contents } from "@jupyterlab/services";
import { RenderMimeRegistry } from "@jupyterlab/rendermime";
import { PromiseDelegate } from "@lumino/coreutils";
import type { IDisposable } from "@lumino/disposable";
import { Signal } from "@lumino/signaling";

const TIMEOUT_MS = 20_000;

/** Registers a widget manager for a session's kernel. Resolves once the widgets that the kernel already has are restored;
 * before that, they would not be found after a reload of the page. */
export async function manageWidgets(
  sessionContext: ISessionContext,
  rendermime: IRenderMimeRegistry,
  contents: Contents.IManager,
): Promise<IDisposable> {
  const { registerWidgetManager } = await import("@jupyter-widgets/jupyterlab-manager");
  const { path } = sessionContext;
  // The part of a notebook's context that the manager uses; there is no notebook to read or save.
  const context = {
    sessionContext,
    path,
    model: { getMetadata: () => undefined },
    saveState: new Signal<object, string>({}),
    urlResolver: new RenderMimeRegistry.UrlResolver({ path, contents }),
  } as unknown as Parameters<typeof registerWidgetManager>[0];
  const created = new PromiseDelegate<LabWidgetManager>();
  const taker = {
    set manager(manager: LabWidgetManager) {
      created.resolve(manager);
    },
  } as unknown as WidgetRenderer;
  const registration = registerWidgetManager(context, rendermime, [taker].values());
  await restored(await created.promise);
  return registration;
}

/** Waits until the manager has restored its widgets, or gives up: a dead kernel restores none. */
function restored(manager: LabWidgetManager): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      manager.restored.disconnect(done);
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, TIMEOUT_MS);
    manager.restored.connect(done);
    if (manager.restoredStatus) done();
  });
}
