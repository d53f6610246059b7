/** The playback controls of a recorded run: a slider, single steps, play with a speed and a loop. */
import { element, icon, setLabel, setText } from "./dom";
import { NEXT, PAUSE, PLAY, PREVIOUS } from "./icons";

const FRAMES_PER_SECOND = 15;
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const LOOP =
  "M11 1.5 14 4l-3 2.5V5H5a2 2 0 0 0-2 2v1H1.5V7A3.5 3.5 0 0 1 5 3.5h6z" +
  "M5 14.5 2 12l3-2.5V11h6a2 2 0 0 0 2-2V8h1.5v1a3.5 3.5 0 0 1-3.5 3.5H5z";

/** The labels of the controls. */
export interface TransportWords {
  first: string;
  previous: string;
  play: string;
  pause: string;
  next: string;
  last: string;
  step: string;
  loop: string;
  speed: string;
}

export class Transport {
  readonly root: HTMLElement;
  private readonly slider = element("input", "rw-view-slider", { type: "range", min: "0", max: "1", value: "0" });
  private readonly play: HTMLButtonElement;
  private readonly loop: HTMLButtonElement;
  private readonly speed = element("select", "rw-view-speed");
  private readonly position = element("span", "rw-view-step");
  private timer = 0;
  private at = 0;
  private count = 0;

  /** @param move called with the index that the user goes to */
  constructor(
    private readonly move: (index: number) => void,
    private readonly signal: AbortSignal,
    private readonly words: TransportWords,
  ) {
    const first = this.button("first", "M3 3h2v10H3zM13 3v10L6 8z", () => this.go(0));
    const previous = this.button("previous", PREVIOUS, () => this.go(this.at - 1));
    this.play = this.button("play", PLAY, () => this.toggle());
    const next = this.button("next", NEXT, () => this.go(this.at + 1));
    const last = this.button("last", "M11 3h2v10h-2zM3 3v10l7-5z", () => this.go(this.count - 1));
    this.loop = this.button("loop", LOOP, () => this.loop.setAttribute("aria-pressed", String(!this.isLooping)));
    this.loop.setAttribute("aria-pressed", "false");
    for (const speed of SPEEDS) this.speed.append(element("option", "", { value: String(speed) }, `${speed}×`));
    this.speed.value = "1";
    setLabel(this.speed, words.speed);
    this.slider.setAttribute("aria-label", words.step);
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)), { signal });
    this.speed.addEventListener("change", () => this.timer && this.start(), { signal });
    signal.addEventListener("abort", () => this.pause());
    const buttons = [first, previous, this.play, next, last, this.position, this.loop, this.speed];
    const controls = element("div", "rw-view-controls", {}, ...buttons);
    this.root = element("div", "rw-view-transport", {}, this.slider, controls);
    this.show(0, 0, "", "");
  }

  /** Shows the position in the run. */
  show(at: number, count: number, short: string, words: string): void {
    [this.at, this.count] = [at, count];
    const isReady = count > 0;
    for (const control of this.root.querySelectorAll<HTMLButtonElement>("button, input, select")) {
      if (control.disabled === isReady) control.disabled = !isReady;
    }
    this.slider.max = String(Math.max(1, count - 1));
    this.slider.value = String(at);
    this.slider.setAttribute("aria-valuetext", words);
    setText(this.position, short);
  }

  /** Goes to a position that the user asks for, which stops playing. */
  go(index: number): void {
    if (!this.count) return;
    this.pause();
    this.move(Math.min(this.count - 1, Math.max(0, index)));
  }

  toggle(): void {
    if (!this.count) return;
    if (this.timer) this.pause();
    else this.start();
  }

  pause(): void {
    clearInterval(this.timer);
    this.setTimer(0);
  }

  /** The keys: arrows step, Home and End jump, Space plays. */
  readonly keydown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !this.count) return;
    const target = event.target;
    if (target instanceof HTMLSelectElement) return;
    if (event.key === " " && target instanceof HTMLButtonElement) return;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.go(this.at - 1),
      ArrowRight: () => this.go(this.at + 1),
      ArrowDown: () => this.go(this.at - 1),
      ArrowUp: () => this.go(this.at + 1),
      Home: () => this.go(0),
      End: () => this.go(this.count - 1),
      " ": () => this.toggle(),
    };
    const action = actions[event.key];
    const isVertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!action || (isVertical && target !== this.slider)) return;
    event.preventDefault();
    action();
  };

  private get isLooping(): boolean {
    return this.loop.getAttribute("aria-pressed") === "true";
  }

  private button(name: keyof TransportWords, path: string, action: () => void): HTMLButtonElement {
    const button = element("button", `rw-view-button rw-view-${name}`, { type: "button" }, icon(path));
    setLabel(button, this.words[name]);
    button.addEventListener("click", action, { signal: this.signal });
    return button;
  }

  private start(): void {
    clearInterval(this.timer);
    if (this.at >= this.count - 1) this.move(0);
    const tick = () => {
      if (this.at < this.count - 1) this.move(this.at + 1);
      else if (this.isLooping) this.move(0);
      else this.pause();
    };
    this.setTimer(window.setInterval(tick, 1000 / FRAMES_PER_SECOND / Number(this.speed.value)));
  }

  private setTimer(timer: number): void {
    this.timer = timer;
    setLabel(this.play, timer ? this.words.pause : this.words.play);
    this.play.querySelector("path")?.setAttribute("d", timer ? PAUSE : PLAY);
  }
}
