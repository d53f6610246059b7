/** Studios that are moved from a cell to a tab, by `studio.detach()`. */
import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ISessionContextDialogs, SessionContextDialogs } from "@jupyterlab/apputils";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { DetachedOutput, MIME } from "./output";
import { DetachedTabs } from "./tabs";

/** Before the widget itself, which the same output carries for where there are no tabs. */
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
    givenDialogs: ISessionContextDialogs | null,
    givenTranslator: ITranslator | null,
  ) => {
    // Notebook 7 has no room for tabs.
    if (!shell) return;
    const translator = givenTranslator ?? nullTranslator;
    const trans = translator.load("robust_widgets");
    const dialogs = givenDialogs ?? new SessionContextDialogs({ translator });
    const reopen = (path: string) => void app.commands.execute("docmanager:open", { path });
    const tabs = new DetachedTabs({ shell, dialogs, translator, trans, reopen });
    rendermime.addFactory(
      { safe: false, mimeTypes: [MIME], createRenderer: () => new DetachedOutput(tabs, trans) },
      RANK,
    );
  },
};
