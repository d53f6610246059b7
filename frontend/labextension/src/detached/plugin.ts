/** Studios that `studio.detach()` moves from a cell to a tab. */
import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ISessionContextDialogs, SessionContextDialogs } from "@jupyterlab/apputils";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { DetachedOutput, MIME } from "./output";
import { DetachedTabs } from "./tabs";

/** Ahead of the widget itself, which the same output contains for pages without tabs. */
const RANK = -20;

export const detachedPlugin: JupyterFrontEndPlugin<void> = {
  id: "robust-widgets:detached",
  description: "Shows a notebook's studio in a tab.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ILabShell, ISessionContextDialogs, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    shell: ILabShell | null,
    labDialogs: ISessionContextDialogs | null,
    labTranslator: ITranslator | null,
  ) => {
    // Notebook 7 has no tabs.
    if (!shell) return;
    const translator = labTranslator ?? nullTranslator;
    const trans = translator.load("robust_widgets");
    const dialogs = labDialogs ?? new SessionContextDialogs({ translator });
    const reopen = (path: string) => void app.commands.execute("docmanager:open", { path });
    const tabs = new DetachedTabs({ shell, dialogs, translator, trans, reopen });
    rendermime.addFactory(
      { safe: false, mimeTypes: [MIME], createRenderer: () => new DetachedOutput(tabs, trans) },
      RANK,
    );
  },
};
