/** The controls over a recorded run: a slider, steps forth and back, play with a speed and a loop. */
import { element, finder, icon, say } from "./dom";

const PICTURES_A_SECOND = 15;
const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
const LOOP = "M11 1.5 14 4l-3 2.5V5H5a2 2 0 0 0-2 2v1H1.5V7A3.5 3.5 0 0 1 5 3.5h6zM5 14.5 2 12l3-2.5V11h6a2 2 0 0 0 2-2V8h1.5v1a3.5 3.5 0 0 1-3.5 3.5H5z";
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const BUTTONS = [
  ["first", "M3 3h2v10H3zM13 3v10L6 8z"],
  ["previous", "M11 3v10L4 8z"],
  ["play", PLAY],
  ["next", "M5 3v10l7-5z"],
  ["last", "M11 3h2v10h-2zM3 3v10l7-5z"],
] as const;
const button = ([name, path]: readonly [string, string]) =>
  `<button type="button" class="rw-view-button rw-view-${name}">${icon(path)}</button>`;
const TEMPLATE = `
  <input class="rw-view-slider" type="range" min="0" max="1" value="0">
  <div class="rw-view-controls">${BUTTONS.map(button).join("")}
    <span class="rw-view-step"></span>
    <button type="button" class="rw-view-button rw-view-loop" aria-pressed="false">${icon(LOOP)}</button>
    <select class="rw-view-speed">${SPEEDS.map(
      (speed) => `<option value="${speed}"${speed === 1 ? " selected" : ""}>${speed}×</option>`,
    ).join("")}</select></div>`;

/** What the controls are called. */
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

export const TRANSPORT_WORDS: TransportWords = {
  first: "first step",
  previous: "previous step",
  play: "play",
  pause: "pause",
  next: "next step",
  last: "last step",
  step: "step",
  loop: "play in a loop",
  speed: "speed",
};

export class Transport {
  readonly root = element("div", "rw-view-transport");
  private readonly find = finder(this.root);
  private readonly slider: HTMLInputElement;
  private readonly play: HTMLButtonElement;
  private readonly loop: HTMLButtonElement;
  private readonly speed: HTMLSelectElement;
  private timer = 0;
  private at = 0;
  private count = 0;

  /** @param move called with the place that is wanted */
  constructor(
    private readonly move: (index: number) => void,
    signal: AbortSignal,
    private readonly words = TRANSPORT_WORDS,
  ) {
    this.root.innerHTML = TEMPLATE;
    this.slider = this.find(".rw-view-slider", HTMLInputElement);
    this.play = this.find(".rw-view-play", HTMLButtonElement);
    this.loop = this.find(".rw-view-loop", HTMLButtonElement);
    this.speed = this.find(".rw-view-speed", HTMLSelectElement);
    this.slider.setAttribute("aria-label", words.step);
    for (const [name] of BUTTONS) label(this.find(`.rw-view-${name}`, HTMLElement), words[name]);
    label(this.loop, words.loop);
    label(this.speed, words.speed);
    const presses: [string, () => void][] = [
      ["first", () => this.go(0)],
      ["previous", () => this.go(this.at - 1)],
      ["play", () => this.toggle()],
      ["next", () => this.go(this.at + 1)],
      ["last", () => this.go(this.count - 1)],
      ["loop", () => this.loop.setAttribute("aria-pressed", String(!this.looping))],
    ];
    for (const [name, act] of presses) {
      this.find(`.rw-view-${name}`, HTMLButtonElement).addEventListener("click", act, { signal });
    }
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)), { signal });
    this.speed.addEventListener("change", () => this.timer && this.start(), { signal });
    signal.addEventListener("abort", () => this.pause());
    this.show(0, 0, "", "");
  }

  /** Shows where the run stands. */
  show(at: number, count: number, short: string, words: string): void {
    [this.at, this.count] = [at, count];
    const ready = count > 0;
    for (const one of this.root.querySelectorAll<HTMLButtonElement>("button, input, select")) {
      if (one.disabled === ready) one.disabled = !ready;
    }
    this.slider.max = String(Math.max(1, count - 1));
    this.slider.value = String(at);
    this.slider.setAttribute("aria-valuetext", words);
    say(this.find(".rw-view-step", HTMLElement), short);
  }

  /** A place that a person asks for: playing ends. */
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
    this.say(0);
  }

  /** What a key means here: arrows step, Home and End, Space plays. */
  readonly keydown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !this.count) return;
    const target = event.target;
    if (target instanceof HTMLSelectElement) return;
    if (event.key === " " && target instanceof HTMLButtonElement) return;
    const acts: Record<string, () => void> = {
      ArrowLeft: () => this.go(this.at - 1),
      ArrowRight: () => this.go(this.at + 1),
      ArrowDown: () => this.go(this.at - 1),
      ArrowUp: () => this.go(this.at + 1),
      Home: () => this.go(0),
      End: () => this.go(this.count - 1),
      " ": () => this.toggle(),
    };
    const act = acts[event.key];
    const upDown = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!act || (upDown && target !== this.slider)) return;
    event.preventDefault();
    act();
  };

  private get looping(): boolean {
    return this.loop.getAttribute("aria-pressed") === "true";
  }

  private start(): void {
    clearInterval(this.timer);
    if (this.at >= this.count - 1) this.move(0);
    const tick = () => {
      if (this.at < this.count - 1) this.move(this.at + 1);
      else if (this.looping) this.move(0);
      else this.pause();
    };
    this.say(window.setInterval(tick, 1000 / PICTURES_A_SECOND / Number(this.speed.value)));
  }

  private say(timer: number): void {
    this.timer = timer;
    label(this.play, timer ? this.words.pause : this.words.play);
    this.play.querySelector("path")?.setAttribute("d", timer ? PAUSE : PLAY);
  }
}

function label(part: HTMLElement, words: string): void {
  part.title = words;
  part.setAttribute("aria-label", words);
}
