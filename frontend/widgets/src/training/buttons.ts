/** Start, pause and stop. A button that cannot be used now is disabled for assistive technology only, so that it keeps
 * the focus. */
import { element, icon, setText } from "@robust-widgets/shared/dom";
import { PAUSE, PLAY } from "@robust-widgets/shared/icons";
import type { Action, Update } from "./messages";

const STOP = "M3.5 3.5h9v9h-9z";
const HINTS: Record<Action, string> = {
  start: "Start, or continue from where it was stopped",
  pause: "Pause after this step, with everything in memory",
  resume: "Continue",
  stop: "Stop after this step. What was learned is kept, and Start continues from here",
};

interface Button {
  root: HTMLButtonElement;
  label: HTMLElement;
}

export class Buttons {
  readonly root = element("div", "rw-training-buttons", { role: "group", "aria-label": "training" });
  private readonly start: Button;
  private readonly pause: Button;
  private readonly stop: Button;

  constructor(press: (action: Action) => void, signal: AbortSignal) {
    const create = (path: string): Button => {
      const label = element("span");
      const root = element("button", "rw-view-text rw-training-button", { type: "button" }, icon(path), label);
      const click = () => {
        const action = root.dataset["action"] as Action | undefined;
        if (action && root.ariaDisabled !== "true") press(action);
      };
      root.addEventListener("click", click, { signal });
      this.root.append(root);
      return { root, label };
    };
    this.start = create(PLAY);
    this.pause = create(PAUSE);
    this.stop = create(STOP);
  }

  /** Disables all buttons. */
  disable(): void {
    for (const { root } of [this.start, this.pause, this.stop]) root.ariaDisabled = "true";
  }

  show({ offers, start }: Update): void {
    const isPaused = offers.includes("resume");
    const set = ({ root, label }: Button, action: Action, text: string) => {
      root.dataset["action"] = action;
      root.title = HINTS[action];
      root.ariaDisabled = String(!offers.includes(action));
      setText(label, text);
    };
    set(this.start, "start", start);
    set(this.pause, isPaused ? "resume" : "pause", isPaused ? "Resume" : "Pause");
    this.pause.root.querySelector("path")?.setAttribute("d", isPaused ? PLAY : PAUSE);
    set(this.stop, "stop", "Stop");
  }
}
