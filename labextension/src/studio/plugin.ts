/** Studios in tabs of their own: where they are opened from, and how they come back after a reload of the page. */
import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import {
  ICommandPalette,
  ISessionContextDialogs,
  SessionContextDialogs,
  showErrorMessage,
  WidgetTracker,
} from "@jupyterlab/apputils";
import { PathExt } from "@jupyterlab/coreutils";
import { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { UUID } from "@lumino/coreutils";
import { studioIcon, studioIconUrl } from "../icons";
import { courseIn } from "./course";
import { isForStudio } from "./files";
import { LESSONS } from "./lessons";
import { openStudio } from "./open";
import { readSettings, type Settings } from "./settings";
import type { Place, StudioTab } from "./tab";

const ID = "robust-widgets:studio";

export const Commands = {
  open: "robust-widgets:open-studio",
  openFile: "robust-widgets:open-file",
  history: "robust-widgets:run-history",
  course: "robust-widgets:open-course",
} as const;

const text = (value: unknown): string | undefined => (typeof value === "string" && value ? value : undefined);

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
    givenDialogs: ISessionContextDialogs | null,
    givenTranslator: ITranslator | null,
  ) => {
    // Notebook 7 has no room for tabs.
    if (!shell) return;
    const translator = givenTranslator ?? nullTranslator;
    const trans = translator.load("robust_widgets");
    const dialogs = givenDialogs ?? new SessionContextDialogs({ translator });
    const tracker = new WidgetTracker<StudioTab>({ namespace: "robust-widgets-studios" });
    let settings: Settings = { confirmClose: true, model: "" };
    if (settingRegistry) void readSettings(settingRegistry, ID, (read) => (settings = read));

    const browser = () => browsers?.tracker.currentWidget ?? null;
    const chosen = () => Array.from(browser()?.selectedItems() ?? []).filter(({ path }) => isForStudio(path));
    const studios = { app, rendermime, dialogs, translator, trans, asks: () => settings.confirmClose };
    const open = (place: Place) => {
      const tab = openStudio(place, studios);
      void tracker.add(tab);
      shell.add(tab, "main", { type: "Robust Studio" });
      return tab;
    };

    app.commands.addCommand(Commands.open, {
      label: ({ isPalette }) => (isPalette ? trans.__("Robust Studio: new") : trans.__("Robust Studio")),
      caption: trans.__("Paint with a robust classifier, in a tab with a kernel of its own"),
      icon: ({ isPalette }) => (isPalette ? undefined : studioIcon),
      execute: (given) =>
        open({
          id: text(given["id"]) ?? UUID.uuid4(),
          cwd: text(given["cwd"]) ?? browser()?.model.path ?? "",
          file: text(given["file"]),
          model: text(given["model"]) ?? text(settings.model),
        }),
    });
    app.commands.addCommand(Commands.openFile, {
      label: ({ isPalette }) =>
        isPalette ? trans.__("Robust Studio: open the selected picture or run") : trans.__("Open in Robust Studio"),
      icon: ({ isPalette }) => (isPalette ? undefined : studioIcon),
      isEnabled: () => chosen().length > 0,
      isVisible: () => chosen().length > 0,
      execute: () => {
        for (const { path } of chosen()) {
          const [cwd, file] = [PathExt.dirname(path), PathExt.basename(path)];
          open({ id: UUID.uuid4(), cwd, file, model: text(settings.model) });
        }
      },
    });

    app.commands.addCommand(Commands.history, {
      label: trans.__("Robust Studio: run history"),
      caption: trans.__("Go to the runs of the studio that was last used"),
      execute: async () => {
        let tab = tracker.currentWidget ?? tracker.find(() => true);
        tab ??= open({ id: UUID.uuid4(), cwd: browser()?.model.path ?? "", model: text(settings.model) });
        shell.activateById(tab.id);
        await tab.content.showHistory();
      },
    });
    app.commands.addCommand(Commands.course, {
      label: trans.__("Robust Studio: open the course"),
      caption: trans.__("Open the index of the course, a copy of it in the folder of the file browser"),
      execute: async () => {
        try {
          const path = await courseIn(browser()?.model.path ?? "", app.serviceManager.contents, LESSONS);
          await app.commands.execute("docmanager:open", { path });
        } catch (error) {
          await showErrorMessage(
            trans.__("The course could not be opened"),
            trans.__(
              "The course could not be put into this folder (%1); go to a folder of yours in the file browser.",
              error instanceof Error ? error.message : String(error),
            ),
          );
        }
      },
    });

    const category = trans.__("Robust Studio");
    for (const command of Object.values(Commands)) palette?.addItem({ command, category, args: { isPalette: true } });
    // A category of its own would come last, below the fold.
    launcher?.add({ command: Commands.open, category: "Notebook", rank: 10, kernelIconUrl: studioIconUrl });
    void restorer?.restore(tracker, {
      command: Commands.open,
      args: ({ place }) => ({ ...place }),
      name: ({ place }) => place.id,
    });
  },
};
