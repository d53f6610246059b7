/** The commands of Robust Studio, for the launcher, menus, palette and keyboard. */
import type { ILabShell, JupyterFrontEnd } from "@jupyterlab/application";
import { showErrorMessage, type WidgetTracker } from "@jupyterlab/apputils";
import { PathExt } from "@jupyterlab/coreutils";
import type { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import type { TranslationBundle } from "@jupyterlab/translation";
import { UUID } from "@lumino/coreutils";
import { studioIcon } from "../icons";
import type { ClosedStudios } from "./closed";
import { courseIn } from "./course";
import type { Delivery } from "./delivery";
import { isForStudio } from "./files";
import { aboutOf, deliveryOf, sourceAt, sourceIn, nodeOf, type Source } from "./fromNotebook";
import { hostAround } from "./host";
import { LESSONS } from "./lessons";
import type { Settings } from "./settings";
import type { Place, StudioTab } from "./tab";

export const Commands = {
  open: "robust-widgets:open-studio",
  openFile: "robust-widgets:open-file",
  openOutput: "robust-widgets:open-output",
  reopen: "robust-widgets:reopen-studio",
  history: "robust-widgets:run-history",
  course: "robust-widgets:open-course",
} as const;

export interface CommandOptions {
  app: JupyterFrontEnd;
  shell: ILabShell;
  tracker: WidgetTracker<StudioTab>;
  trans: TranslationBundle;
  closed: ClosedStudios;
  open: (place: Place, delivery?: Delivery) => StudioTab;
  browsers: IFileBrowserFactory | null;
  settings: () => Settings;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value ? value : undefined);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function addCommands(options: CommandOptions): void {
  const { trans, browsers, settings } = options;
  const folder = () => browsers?.tracker.currentWidget?.model.path ?? "";
  const newPlace = (place: Partial<Place>): Place => ({
    id: UUID.uuid4(),
    cwd: folder(),
    model: text(settings().model),
    device: text(settings().device),
    server: text(settings().server),
    ...place,
  });
  addOpening(options, newPlace);
  addFiles(options, newPlace);
  addOutputs(options, newPlace);
  addHistory(options, newPlace);
  addCourse(options.app, trans, folder);
}

type NewPlace = (place: Partial<Place>) => Place;

function addOpening({ app, trans, closed, open, settings }: CommandOptions, newPlace: NewPlace): void {
  app.commands.addCommand(Commands.open, {
    label: ({ isPalette }) => (isPalette ? trans.__("Robust Studio: new") : trans.__("Robust Studio")),
    caption: trans.__("Paint with a robust classifier, in a tab with a kernel of its own"),
    icon: ({ isPalette }) => (isPalette ? undefined : studioIcon),
    execute: (args) => {
      // After a reload of the page the arguments are those of the studio before.
      const id = text(args["id"]);
      const { model, device, server } = id ? {} : settings();
      return open({
        id: id ?? UUID.uuid4(),
        cwd: typeof args["cwd"] === "string" ? args["cwd"] : newPlace({}).cwd,
        file: text(args["file"]),
        about: text(args["about"]),
        model: text(args["model"] ?? model),
        device: text(args["device"] ?? device),
        server: text(args["server"] ?? server),
      });
    },
  });
  app.commands.addCommand(Commands.reopen, {
    label: ({ isPalette }) =>
      isPalette ? trans.__("Robust Studio: reopen the last closed") : trans.__("Reopen Closed Robust Studio"),
    caption: trans.__("Reopen the studio that was closed last, with its painting"),
    isEnabled: () => !closed.isEmpty,
    isVisible: () => !closed.isEmpty,
    execute: () => {
      const place = closed.pop();
      return place && open(place);
    },
  });
}

function addFiles({ app, trans, open, browsers }: CommandOptions, newPlace: NewPlace): void {
  const chosen = () =>
    Array.from(browsers?.tracker.currentWidget?.selectedItems() ?? []).filter(({ path }) => isForStudio(path));
  app.commands.addCommand(Commands.openFile, {
    label: ({ isPalette }) =>
      isPalette ? trans.__("Robust Studio: open the selected picture or run") : trans.__("Open in Robust Studio"),
    icon: ({ isPalette }) => (isPalette ? undefined : studioIcon),
    isEnabled: () => chosen().length > 0,
    isVisible: () => chosen().length > 0,
    execute: () => {
      for (const { path } of chosen()) open(newPlace({ cwd: PathExt.dirname(path), file: PathExt.basename(path) }));
    },
  });
}

function addOutputs({ app, shell, trans, open }: CommandOptions, newPlace: NewPlace): void {
  /** What is under the pointer; from the palette, what is in the active cell. */
  const sourceFor = (isPalette: unknown): Source | undefined =>
    isPalette
      ? sourceIn(shell.currentWidget?.node.querySelector(".jp-Notebook .jp-Cell.jp-mod-active") ?? null)
      : sourceAt(app.contextMenuHitTest((node) => node.matches("img, .rw-output")));
  app.commands.addCommand(Commands.openOutput, {
    label: ({ isPalette }) =>
      isPalette ? trans.__("Robust Studio: open the active cell's picture or run") : trans.__("Open in Robust Studio"),
    icon: ({ isPalette }) => (isPalette ? undefined : studioIcon),
    isEnabled: ({ isPalette }) => !!sourceFor(isPalette),
    isVisible: ({ isPalette }) => !!sourceFor(isPalette),
    execute: async ({ isPalette }) => {
      const source = sourceFor(isPalette);
      if (!source) return;
      const host = hostAround(shell.widgets("main"), nodeOf(source));
      const path = host?.sessionContext.path ?? "";
      try {
        const delivery = await deliveryOf(source, host);
        open(newPlace({ cwd: PathExt.dirname(path), about: aboutOf(source, path) }), delivery);
      } catch (error) {
        await showErrorMessage(
          trans.__("Robust Studio could not be opened"),
          trans.__("The picture could not be read (%1). Save it as a file and open that.", messageOf(error)),
        );
      }
    },
  });
}

function addHistory({ app, shell, tracker, trans, open }: CommandOptions, newPlace: NewPlace): void {
  app.commands.addCommand(Commands.history, {
    label: trans.__("Robust Studio: run history"),
    caption: trans.__("Go to the runs of the studio that was last used"),
    execute: async () => {
      const tab = tracker.currentWidget ?? tracker.find(() => true) ?? open(newPlace({}));
      shell.activateById(tab.id);
      await tab.content.showHistory();
    },
  });
}

function addCourse(app: JupyterFrontEnd, trans: TranslationBundle, folder: () => string): void {
  app.commands.addCommand(Commands.course, {
    label: trans.__("Robust Studio: open the course"),
    caption: trans.__("Copy the course into the folder of the file browser, and open its index"),
    execute: async () => {
      try {
        const path = await courseIn(folder(), app.serviceManager.contents, LESSONS);
        await app.commands.execute("docmanager:open", { path });
      } catch (error) {
        await showErrorMessage(
          trans.__("The course could not be opened"),
          trans.__(
            "The course could not be copied into this folder (%1). Go to a folder that you can write to in the file browser.",
            messageOf(error),
          ),
        );
      }
    },
  });
}
