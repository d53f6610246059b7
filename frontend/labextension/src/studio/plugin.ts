/** Studios in tabs of their own: how they are opened, and restored after a reload of the page. */
import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, ISessionContextDialogs, SessionContextDialogs, WidgetTracker } from "@jupyterlab/apputils";
import { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStateDB } from "@jupyterlab/statedb";
import { IStatusBar } from "@jupyterlab/statusbar";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import type { Widget } from "@lumino/widgets";
import "../../style/colors.css";
import { DetachedTab } from "../detached/tab";
import { studioIconUrl } from "../icons";
import { ClosedStudios } from "./closed";
import { addCommands, Commands } from "./commands";
import type { Delivery } from "./delivery";
import { openStudio } from "./open";
import { DEFAULTS, readSettings } from "./settings";
import { addStatus, type StudioLike } from "./status";
import { StudioTab, type Place } from "./tab";

const ID = "robust-widgets:studio";

export const studioPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: "Robust Studio in a tab of its own.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [
    ILabShell,
    ILauncher,
    ICommandPalette,
    ILayoutRestorer,
    IFileBrowserFactory,
    ISettingRegistry,
    ISessionContextDialogs,
    ITranslator,
    IStateDB,
    IStatusBar,
  ],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    shell: ILabShell | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    browsers: IFileBrowserFactory | null,
    settingRegistry: ISettingRegistry | null,
    labDialogs: ISessionContextDialogs | null,
    labTranslator: ITranslator | null,
    state: IStateDB | null,
    statusBar: IStatusBar | null,
  ) => {
    let settings = DEFAULTS;
    const tracker = new WidgetTracker<StudioTab>({ namespace: "robust-widgets-studios" });
    if (settingRegistry) {
      void readSettings(settingRegistry, ID, (read) => {
        const isOtherFrameRate = read.framesPerSecond !== settings.framesPerSecond;
        settings = read;
        if (isOtherFrameRate) tracker.forEach((tab) => void tab.content.setFrameRate());
        // Before the check for tabs: Notebook 7's players have colours, too.
        document.body.classList.toggle("rw-mod-light", !settings.themeColors);
      });
    }
    // Notebook 7 has no tabs.
    if (!shell) return;
    const translator = labTranslator ?? nullTranslator;
    const trans = translator.load("robust_widgets");
    const dialogs = labDialogs ?? new SessionContextDialogs({ translator });
    const closed = new ClosedStudios(state, () => app.commands.notifyCommandChanged(Commands.reopen));
    void closed.load();

    const studios = {
      app,
      rendermime,
      dialogs,
      translator,
      trans,
      confirmClose: () => settings.confirmClose,
      framesPerSecond: () => settings.framesPerSecond,
      closed: (place: Place) => closed.add(place),
    };
    const open = (place: Place, delivery?: Delivery) => {
      const tab = openStudio(place, studios, delivery);
      void tracker.add(tab);
      shell.add(tab, "main", { type: "Robust Studio" });
      return tab;
    };
    addCommands({ app, shell, tracker, trans, closed, open, browsers, settings: () => settings });

    const category = trans.__("Robust Studio");
    for (const command of Object.values(Commands)) palette?.addItem({ command, category, args: { isPalette: true } });
    // A category of its own would be the last, below the fold.
    launcher?.add({ command: Commands.open, category: "Notebook", rank: 10, kernelIconUrl: studioIconUrl });
    if (statusBar) addStatus(statusBar, shell, studioIn, trans);
    void restorer?.restore(tracker, {
      command: Commands.open,
      args: ({ place }) => ({ ...place }),
      name: ({ place }) => place.id,
    });
  },
};

const studioIn = (widget: Widget | null): StudioLike | undefined =>
  widget instanceof StudioTab || widget instanceof DetachedTab ? widget : undefined;
