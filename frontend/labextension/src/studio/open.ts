/** Creates studios: a session, a panel and a tab. */
import type { JupyterFrontEnd } from "@jupyterlab/application";
import { SessionContext, type ISessionContextDialogs } from "@jupyterlab/apputils";
import { PathExt } from "@jupyterlab/coreutils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { KernelSpec } from "@jupyterlab/services";
import type { ITranslator, TranslationBundle } from "@jupyterlab/translation";
import type { Delivery } from "./delivery";
import { StudioPanel } from "./panel";
import { StudioTab, type Place } from "./tab";

export interface Studios {
  app: JupyterFrontEnd;
  rendermime: IRenderMimeRegistry;
  dialogs: ISessionContextDialogs;
  translator: ITranslator;
  trans: TranslationBundle;
  confirmClose: () => boolean;
  framesPerSecond: () => number;
  closed: (place: Place) => void;
}

/** Opens a tab and starts its kernel, or connects to the kernel of the same place. */
export function openStudio(place: Place, studios: Studios, delivery?: Delivery): StudioTab {
  const { app, dialogs, translator, trans, confirmClose, framesPerSecond, closed } = studios;
  const { contents, sessions, kernels, kernelspecs } = app.serviceManager;
  const name = `robust-studio-${place.id}`;
  // The server starts the kernel in the nearest folder above the session's path, and finds it again by that path.
  const sessionContext = new SessionContext({
    sessionManager: sessions,
    kernelManager: kernels,
    specsManager: kernelspecs,
    path: PathExt.join(contents.localPath(place.cwd), name),
    name: trans.__("Robust Studio"),
    type: "robust-studio",
    kernelPreference: { shouldStart: true, autoStartDefault: true, shutdownOnDispose: true },
    translator,
  });
  const restart = () => void dialogs.restart(sessionContext);
  const rendermime = studios.rendermime.clone();
  const content = new StudioPanel({
    id: name,
    studio: place,
    sessionContext,
    rendermime,
    contents,
    trans,
    restart,
    framesPerSecond,
    delivery,
  });
  const tab = new StudioTab({ place, content, sessionContext, dialogs, translator, trans, confirmClose, closed });
  void start(tab, sessionContext, dialogs);
  return tab;
}

/** The server's default kernel if it is a Python, else its first Python kernel; undefined if the user must choose. */
function pythonOf(specs: KernelSpec.ISpecModels | null): string | undefined {
  if (!specs) return undefined;
  const ranked = [specs.default, ...Object.keys(specs.kernelspecs)];
  return ranked.find((name) => specs.kernelspecs[name]?.language === "python");
}

async function start(tab: StudioTab, sessionContext: SessionContext, dialogs: ISessionContextDialogs): Promise<void> {
  const { kernelPreference, specsManager } = sessionContext;
  await specsManager.ready;
  sessionContext.kernelPreference = { ...kernelPreference, name: pythonOf(specsManager.specs) };
  const mustChoose = await sessionContext.initialize();
  if (mustChoose) await dialogs.selectKernel(sessionContext);
  await sessionContext.ready;
  // The tab may be closed by now.
  if (!tab.isDisposed) await tab.content.start();
}
