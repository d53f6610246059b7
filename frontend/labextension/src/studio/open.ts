/** Makes studios: a session, a panel and a tab. */
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
  asks: () => boolean;
  framesPerSecond: () => number;
  closed: (place: Place) => void;
}

/** A tab whose kernel is on its way; the same kernel as before, if this place was opened before. */
export function openStudio(place: Place, studios: Studios, delivery?: Delivery): StudioTab {
  const { app, dialogs, translator, trans, asks, framesPerSecond, closed } = studios;
  const { contents, sessions, kernels, kernelspecs } = app.serviceManager;
  const name = `robust-studio-${place.id}`;
  // The server starts a kernel in the nearest folder above its session's path, and knows it again by that path.
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
    wish: place,
    sessionContext,
    rendermime,
    contents,
    trans,
    restart,
    framesPerSecond,
    delivery,
  });
  const tab = new StudioTab({ place, content, sessionContext, dialogs, translator, trans, asks, closed });
  void start(tab, sessionContext, dialogs);
  return tab;
}

/** The server's own choice of kernel if that is a Python, else its first Python; without one a person has to choose. */
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
  // The tab may have been closed meanwhile.
  if (!tab.isDisposed) await tab.content.start();
}
