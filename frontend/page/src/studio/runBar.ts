/** What to paint, and the buttons that start and stop it. */
import { element, icon, setLabel, setText } from "@robust-widgets/shared/dom";
import { PLAY } from "@robust-widgets/shared/icons";
import { say } from "@robust-widgets/shared/translation";

const STOP = "M4 4h8v8H4z";
const BOLT = "M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z";

export interface RunBarActions {
  run(): void;
  stop(): void;
  live(isOn: boolean): void;
}

export class RunBar {
  readonly root: HTMLElement;
  private readonly run = element("button", "rs-button rs-primary rs-run", { type: "button" });
  private readonly word = element("span");
  private readonly stop = element("button", "rs-button rs-stop", { type: "button" }, icon(STOP));
  private readonly live = element(
    "button",
    "rs-button rs-live",
    { type: "button", "aria-pressed": "false" },
    icon(BOLT),
  );

  /** @param target chooses the class or feature */
  constructor(target: HTMLElement, actions: RunBarActions) {
    this.run.append(icon(PLAY), this.word);
    this.run.title = say("Run (Ctrl-Enter)");
    setLabel(this.stop, say("Stop after the current step (Esc on the canvas)"));
    this.stop.append(element("span", "rs-word", {}, say("Stop")));
    this.live.title = say("Start a run after each stroke, from the result with the stroke painted over it");
    this.live.append(element("span", "rs-word", {}, say("Live")));
    this.live.setAttribute("aria-label", say("Live: run after each stroke"));
    this.run.addEventListener("click", () => actions.run());
    this.stop.addEventListener("click", () => actions.stop());
    this.live.addEventListener("click", () => {
      const isOn = this.live.getAttribute("aria-pressed") !== "true";
      this.live.setAttribute("aria-pressed", String(isOn));
      actions.live(isOn);
    });
    const buttons = element("div", "rs-run-buttons", {}, this.run, this.stop, this.live);
    this.root = element("section", "rs-bar", { "aria-label": say("Run") }, target, buttons);
    this.update(false);
  }

  update(isRunning: boolean): void {
    setText(this.word, isRunning ? say("Again") : say("Run"));
    this.stop.disabled = !isRunning;
    this.root.dataset["running"] = String(isRunning);
  }

  /** Live mode needs a canvas. */
  showLive(isShown: boolean): void {
    this.live.hidden = !isShown;
  }
}
