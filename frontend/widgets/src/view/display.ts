/** What the view shows apart from pictures and curves: progress, title, status line and buttons. */
import { element, finder, setText } from "@robust-widgets/shared/dom";
import { GRADIENT_CSS } from "@robust-widgets/shared/heat";
import { say } from "@robust-widgets/shared/translation";
import type { RunState } from "./messages";

const template = () => `
  <div class="rw-view-frame" tabindex="-1"><canvas class="rw-view-picture" role="img"></canvas>
    <div class="rw-view-hint">${say("The picture appears here")}</div>
    <span class="rw-view-badge" hidden></span>
    <div class="rw-view-scale" hidden>${say("gradient: weak")} <i></i> ${say("strong")}</div></div>
  <div class="rw-view-bar" role="progressbar" aria-label="${say("progress")}" aria-valuemin="0"><div class="rw-view-fill"></div></div>
  <div class="rw-view-status"><b class="rw-view-title"></b><span class="rw-view-line"></span></div>
  <span class="rw-view-announcer" role="status" aria-live="polite"></span>
  <div class="rw-view-tools">
    <button type="button" class="rw-view-text rw-view-start" title="${say("hold to see the start picture (key %1)", "\\")}">${say("Start")}</button>
    <button type="button" class="rw-view-text rw-view-gradient" aria-pressed="false"
      title="${say("show where the next step changes the picture, and how strongly")}">${say("Gradient")}</button>
    <button type="button" class="rw-view-text rw-view-branch" hidden
      title="${say("start a new run from the step that is shown")}">${say("Branch from here")}</button></div>`;

/** Everything that is displayed. */
export interface Snapshot {
  state: RunState;
  run: number;
  /** Accessible name of the view. */
  label: string;
  title: string;
  line: string;
  /** Steps of the run, and how many of them are shown. */
  total: number;
  reached: number;
  /** Steps a second, or "" while none is known. */
  rate: string;
  device: string;
  displaySide: number;
  hasStart: boolean;
  isStartShown: boolean;
  isRecorded: boolean;
  isHeatOn: boolean;
  canBranch: boolean;
  /** The step that is shown, and the step whose gradient is; undefined if there is none. */
  step: number | undefined;
  heatStep: number | undefined;
}

export class Display {
  readonly root = element("div", "rw-watch rw-view rw-live", { role: "group" });
  readonly canvas: HTMLCanvasElement;
  readonly start: HTMLButtonElement;
  readonly gradient: HTMLButtonElement;
  readonly branch: HTMLButtonElement;
  readonly tools: HTMLElement;
  private readonly find = finder(this.root);

  constructor() {
    this.root.innerHTML = template();
    this.canvas = this.find("canvas", HTMLCanvasElement);
    this.start = this.find(".rw-view-start", HTMLButtonElement);
    this.gradient = this.find(".rw-view-gradient", HTMLButtonElement);
    this.branch = this.find(".rw-view-branch", HTMLButtonElement);
    this.tools = this.find(".rw-view-tools", HTMLElement);
    this.find(".rw-view-scale i", HTMLElement).style.background = GRADIENT_CSS;
  }

  announce(text: string): void {
    setText(this.find(".rw-view-announcer", HTMLElement), text);
  }

  /** Shows the hint in place of a picture. */
  setHint(isShown: boolean): void {
    this.find(".rw-view-hint", HTMLElement).hidden = !isShown;
  }

  update(snapshot: Snapshot): void {
    const { state, run, label, title, line, rate, device } = snapshot;
    // JupyterLab's status bar reads the rate and the device.
    const recorded = String(snapshot.isRecorded);
    const data = { state, run: String(run), recorded, heat: String(snapshot.isHeatOn), rate, device };
    for (const [name, value] of Object.entries(data)) {
      if (this.root.dataset[name] !== value) this.root.dataset[name] = value;
    }
    this.root.setAttribute("aria-label", label);
    this.root.style.setProperty("--rw-side", `${snapshot.displaySide}px`);
    this.canvas.setAttribute("aria-label", [label, title].filter(Boolean).join(": "));
    setText(this.find(".rw-view-title", HTMLElement), title);
    setText(this.find(".rw-view-line", HTMLElement), line);
    this.updateProgress(snapshot);
    this.updateTools(snapshot);
  }

  private updateProgress({ state, total, reached, line }: Snapshot): void {
    const share = state === "done" ? 1 : Math.min(1, reached / (total || 1));
    this.find(".rw-view-fill", HTMLElement).style.transform = `scaleX(${share})`;
    const values = { max: total, now: Math.min(total, reached), text: line || say("nothing has run yet") };
    const bar = this.find(".rw-view-bar", HTMLElement);
    for (const [name, value] of Object.entries(values)) bar.setAttribute(`aria-value${name}`, String(value));
  }

  private updateTools(snapshot: Snapshot): void {
    const { isRecorded, isHeatOn, isStartShown, step, heatStep } = snapshot;
    this.gradient.setAttribute("aria-pressed", String(isHeatOn));
    this.gradient.disabled = snapshot.state === "empty";
    this.start.disabled = !snapshot.hasStart;
    this.branch.hidden = !snapshot.canBranch;
    this.branch.disabled = !isRecorded;
    const isOtherStep = isRecorded && isHeatOn && heatStep !== undefined && step !== heatStep;
    const badge = this.find(".rw-view-badge", HTMLElement);
    setText(badge, isStartShown ? say("start") : isOtherStep ? say("gradient of step %1", heatStep) : "");
    badge.hidden = !badge.textContent;
    const hasHeat = !isRecorded || heatStep !== undefined;
    this.find(".rw-view-scale", HTMLElement).hidden = !isHeatOn || isStartShown || !hasHeat;
  }
}
