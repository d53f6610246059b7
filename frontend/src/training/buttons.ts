/** Start, pause and stop. A button that means nothing now stays where it is and keeps the focus. */
import { element, finder, icon, say } from "../view/dom";
import type { Action, Update } from "./messages";

const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
const STOP = "M3.5 3.5h9v9h-9z";
const HINTS: Record<Action, string> = {
  start: "Begin, or go on from where it was stopped",
  pause: "Hold after this step, with everything in memory",
  resume: "Go on at once",
  stop: "Stop after this step; everything learned so far is kept, and Start goes on from here",
};

export class Buttons {
  readonly root = element("div", "rw-training-buttons", { role: "group", "aria-label": "training" });
  private readonly all: Record<"start" | "pause" | "stop", HTMLButtonElement>;

  constructor(press: (action: Action) => void, signal: AbortSignal) {
    const make = (path: string) => {
      const button = element("button", "rw-view-text rw-training-button", { type: "button" });
      button.innerHTML = `${icon(path)}<span></span>`;
      const act = () => {
        const action = button.dataset["action"] as Action | undefined;
        if (action && button.ariaDisabled !== "true") press(action);
      };
      button.addEventListener("click", act, { signal });
      this.root.append(button);
      return button;
    };
    this.all = { start: make(PLAY), pause: make(PAUSE), stop: make(STOP) };
  }

  /** Offer nothing. */
  rest(): void {
    for (const button of Object.values(this.all)) button.ariaDisabled = "true";
  }

  show({ offers, start }: Update): void {
    const hold: Action = offers.includes("resume") ? "resume" : "pause";
    const set = (button: HTMLButtonElement, action: Action, words: string) => {
      button.dataset["action"] = action;
      button.title = HINTS[action];
      button.ariaDisabled = String(!offers.includes(action));
      say(finder(button)("span", HTMLElement), words);
    };
    set(this.all.start, "start", start);
    set(this.all.pause, hold, hold === "resume" ? "Resume" : "Pause");
    this.all.pause.querySelector("path")?.setAttribute("d", hold === "resume" ? PLAY : PAUSE);
    set(this.all.stop, "stop", "Stop");
  }
}
