/** Widgets in a tab that is no notebook. */
import type { LabWidgetManager, WidgetRenderer } from "@jupyter-widgets/jupyterlab-manager";
import type { ISessionContext } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Contents } from "@jupyterlab/services";
import { RenderMimeRegistry } from "@jupyterlab/rendermime";
import { PromiseDelegate } from "@lumino/coreutils";
import type { IDisposable } from "@lumino/disposable";
import { Signal } from "@lumino/signaling";

const MOST_MILLISECONDS = 20_000;

/** Makes the widgets of a session's kernel appear where ``rendermime`` draws; answers when those that the kernel has
 * already are known, without which they would not be found after a reload of the page. */
export async function manageWidgets(
  sessionContext: ISessionContext,
  rendermime: IRenderMimeRegistry,
  contents: Contents.IManager,
): Promise<IDisposable> {
  const { registerWidgetManager } = await import("@jupyter-widgets/jupyterlab-manager");
  const { path } = sessionContext;
  // As much of a notebook's context as the manager looks at: there is no notebook to read from or to save to.
  const context = {
    sessionContext,
    path,
    model: { getMetadata: () => undefined },
    saveState: new Signal<object, string>({}),
    urlResolver: new RenderMimeRegistry.UrlResolver({ path, contents }),
  } as unknown as Parameters<typeof registerWidgetManager>[0];
  const found = new PromiseDelegate<LabWidgetManager>();
  const taker = {
    set manager(manager: LabWidgetManager) {
      found.resolve(manager);
    },
  } as unknown as WidgetRenderer;
  const registration = registerWidgetManager(context, rendermime, [taker].values());
  await restored(await found.promise);
  return registration;
}

/** Answers after a while in any case: a kernel that died meanwhile restores nothing. */
function restored(manager: LabWidgetManager): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      manager.restored.disconnect(done);
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, MOST_MILLISECONDS);
    manager.restored.connect(done);
    if (manager.restoredStatus) done();
  });
}
