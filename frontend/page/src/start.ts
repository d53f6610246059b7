/** Builds the page around a session, and restores the painting. */
import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { isPassing } from "./engine/errors";
import type { WorkerSession } from "./engine/session";
import type { Manifest } from "./manifest";
import { sayProblem } from "./messages/language";
import { SIDE } from "./painting/raster";
import { Autosave } from "./studio/autosave";
import { hasCamera, takePicture } from "./studio/camera";
import { Header } from "./studio/header";
import { copied, showText } from "./studio/results";
import { StatusLine } from "./studio/statusLine";
import { isRun, Studio } from "./studio/studio";

export async function start(manifest: Manifest, session: WorkerSession, host: HTMLElement): Promise<Studio> {
  const status = new StatusLine();
  const studio = new Studio(manifest, session, status);
  const header = new Header(manifest.title, {
    open: (file) => status.guard(() => studio.open(file)),
    link: () => status.guard(() => shareLink(studio, status)),
    ...(hasCamera() && { camera: () => status.guard(() => photograph(studio)) }),
  });
  document.title = manifest.title;
  const skip = element("a", "rs-skip", { href: "#rs-canvas" }, say("Skip to the canvas"));
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    studio.surface.root.querySelector<HTMLElement>(".rw-pad-surface")?.focus();
  });
  host.append(skip, header.root, studio.root, status.root);
  listenForRuns(studio, status);
  const watch = () => {
    header.show(session.model, session.loading);
    session.onLoaded((loaded) => {
      header.show(session.model, false);
      studio.runner.view.set("device", session.model.device);
      const remedy = isPassing(loaded.code) ? { label: say("Try again"), act: () => session.retry() } : null;
      if (loaded.message) status.show(sayProblem(loaded), "error", loaded.details, remedy);
    });
  };
  session.onRestart = watch;
  session.onDevice = () => {
    header.show(session.model, session.loading);
    studio.runner.view.set("device", session.model.device);
    if (!session.loading) status.show(say("The GPU does not compute any more; runs go on without it."), "warning");
  };
  watch();
  const isLinked = studio.follow(location.hash);
  window.addEventListener("hashchange", () => studio.follow(location.hash));
  const restored = await restore(studio, status, isLinked);
  if (!restored && manifest.picture) status.guard(() => studio.openPicture(manifest.picture));
  return studio;
}

/** Restores the painting, and saves each change from now on. */
async function restore(studio: Studio, status: StatusLine, isLinked: boolean): Promise<boolean> {
  const refused = (error: unknown) => {
    console.warn("robust-widgets: the painting is not saved", error);
    const words = "This browser lets the page store nothing here, so the painting is lost when the page is closed.";
    status.show(say(words), "warning");
  };
  try {
    const autosave = await Autosave.open(refused);
    const saved = await autosave.load(SIDE);
    studio.surface.onChange.push(() => autosave.save(studio.surface.raster));
    if (!saved || !studio.surface.raster.isBlank) return false;
    studio.restore(saved.raster);
    if (!status.isError && (!isLinked || !status.text)) {
      const when = saved.when.toLocaleString(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
      status.show(say("Restored your painting from %1.", when));
    }
    return true;
  } catch (error) {
    refused(error);
    return false;
  }
}

async function shareLink(studio: Studio, status: StatusLine): Promise<void> {
  const { link } = studio;
  if (await copied(link)) status.show(say("Copied the link; it opens this task with these settings."));
  else showText(say("Link to these settings"), link);
}

async function photograph(studio: Studio): Promise<void> {
  const picture = await takePicture(SIDE);
  if (picture) studio.surface.setPicture(picture);
}

/** A saved run, or a picture, may be dropped anywhere on the page. */
function listenForRuns(studio: Studio, status: StatusLine): void {
  window.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  const drop = (event: DragEvent) => {
    const file = event.dataTransfer?.files[0];
    // The pad takes the pictures that are dropped on it.
    const isOnPad = event.target instanceof Element && event.target.closest(".rw-pad-surface") !== null;
    if (!file || (isOnPad && !isRun(file))) return;
    event.preventDefault();
    event.stopPropagation();
    for (const pad of document.querySelectorAll(".rw-pad-over")) pad.classList.remove("rw-pad-over");
    status.guard(() => studio.open(file));
  };
  window.addEventListener("drop", drop, { capture: true });
}
