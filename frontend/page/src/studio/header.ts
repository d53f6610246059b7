/** The head of the page: its title, its model, and what is done with the whole page. */
import { element, icon, setText } from "@robust-widgets/shared/dom";
import type { ModelInfo } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";

const FOLDER = "M1.5 12.5v-9h4.5l1.5 2h7v7z";
const CAMERA = "M1.5 5h3l1.2-2h4.6l1.2 2h3v8.5h-13zM8 6.8a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z";
const LINK = "M6.5 9.5 9.5 6.5M7 4.5l1.6-1.6a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5l-1.6 1.6a3 3 0 0 1-4.3-4.3l1.6-1.6";

export interface HeaderActions {
  open(file: File): void;
  /** Undefined where there is no camera. */
  camera?: () => void;
  link(): void;
}

export class Header {
  readonly root: HTMLElement;
  private readonly model = element("p", "rs-model");

  constructor(title: string, actions: HeaderActions) {
    const file = element("input", "", {
      type: "file",
      accept: "image/*,.rwtrace",
      tabindex: "-1",
      "aria-hidden": "true",
    });
    file.hidden = true;
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen) actions.open(chosen);
      file.value = ""; // Otherwise choosing the same file again would not be a change.
    });
    const open = button(FOLDER, say("Open"), say("Open a picture, or a saved run (.rwtrace)"), () => file.click());
    const camera =
      actions.camera && button(CAMERA, say("Camera"), say("Take a picture with the camera"), actions.camera);
    const link = button(LINK, say("Link"), say("Copy a link to this task with all settings"), () => actions.link());
    const buttons = element("div", "rs-head-buttons", {}, open, file, ...(camera ? [camera] : []), link);
    const logo = element("img", "rs-logo", { src: "icons/icon.svg", alt: "", width: "32", height: "32" });
    const words = element("div", "rs-head-words", {}, element("h1", "", {}, title), this.model);
    this.root = element("header", "rs-head", {}, logo, words, buttons);
  }

  /** Names the model, and what it does now. */
  show(model: ModelInfo, isLoading: boolean): void {
    const state = isLoading ? say("loading…") : model.device ? say("on %1", model.device) : say("could not be loaded");
    setText(this.model, say("%1: %2 classes at %3 px, %4", model.name, model.classes.length, model.inputSize, state));
  }
}

function button(path: string, text: string, hint: string, act: () => void): HTMLButtonElement {
  const created = element("button", "rs-button", { type: "button", title: hint, "aria-label": hint });
  created.append(icon(path), element("span", "rs-word", {}, text));
  created.addEventListener("click", act);
  return created;
}
