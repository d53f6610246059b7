/** Recorded runs to look through, with no kernel: picture, scrubber and curves. */
import "../view/watch.css";
import "../view/chart.css";
import "./player.css";
import { Chart } from "../view/chart";
import { element, finder, rove, roveTo, say } from "../view/dom";
import type { Value } from "../view/messages";
import { Transport } from "../view/transport";
import { percent, plain } from "../view/words";
import { ENGLISH, type PlayerWords } from "./words";

export interface Run {
  title: string;
  task: string;
  last: number;
  /** How many pictures the run made, where fewer may be here. */
  recorded?: number;
  steps: number[];
  loss: Value[];
  probability: Value[];
  distance: Value[];
  radius: Value;
  /** What finds a picture, one for each step. */
  frames: string[];
}

export interface PlayerOptions {
  /** Makes a picture's address of what finds it. */
  address: (frame: string) => string;
  signal: AbortSignal;
  words?: PlayerWords;
  /** Called with the place of the run that is shown. */
  chosen?: (index: number) => void;
}

const HEIGHT = 50;
const TEMPLATE = `
  <div class="rw-player-runs" role="group" hidden></div>
  <div class="rw-player-body">
    <img class="rw-player-picture" alt="">
    <div class="rw-player-side"><div class="rw-player-title"></div>
      <div class="rw-player-line"></div></div></div>`;

export function player(runs: readonly Run[], { address, signal, words = ENGLISH, chosen }: PlayerOptions): HTMLElement {
  const root = element("div", "rw-watch");
  root.innerHTML = TEMPLATE;
  const find = finder(root);
  const picture = find(".rw-player-picture", HTMLImageElement);
  const side = find(".rw-player-side", HTMLElement);
  const list = find(".rw-player-runs", HTMLElement);
  list.setAttribute("aria-label", words.runs);
  let run: Run | undefined;

  const transport = new Transport(show, signal, words);
  const scrub = (step: number) => {
    const offs = (run?.steps ?? []).map((known) => Math.abs(known - step));
    transport.go(offs.indexOf(Math.min(...offs)));
  };
  const charts = [new Chart(HEIGHT, scrub, signal), new Chart(HEIGHT, scrub, signal), new Chart(HEIGHT, scrub, signal)];
  const kept = element("div", "rw-player-kept");
  side.append(transport.root, ...charts.map((chart) => chart.root), kept);
  root.addEventListener("keydown", transport.keydown, { signal });

  function show(at: number): void {
    if (!run) return;
    const { steps, loss, probability, distance, last, title, radius } = run;
    const step = steps[at] ?? 0;
    picture.src = address(run.frames[at] ?? "");
    picture.alt = words.picture(title || run.task, step);
    root.dataset["step"] = String(step);
    const line = words.line(step, last, percent(probability[at]));
    say(find(".rw-player-line", HTMLElement), line);
    transport.show(at, steps.length, `${step} / ${last}`, line);
    const shared = { end: last, here: step };
    const one = (name: string, look: number, values: Value[]) => [{ name, look, steps, values, now: values[at] }];
    charts[0]?.draw({ ...shared, series: one(words.loss, 0, loss), words: plain });
    charts[1]?.draw({ ...shared, series: one(title || words.target, 1, probability), words: percent, range: [0, 1] });
    const rule = radius === null ? undefined : { value: radius, name: "ε" };
    charts[2]?.draw({ ...shared, series: one(words.distance, 2, distance), words: plain, rule });
  }

  function choose(index: number): void {
    run = runs[index];
    if (!run) return;
    transport.pause();
    root.dataset["run"] = String(index);
    buttons.forEach((button, other) => button.setAttribute("aria-pressed", String(other === index)));
    rove(buttons, buttons[index]);
    say(find(".rw-player-title", HTMLElement), [run.title, run.task].filter(Boolean).join(" · "));
    const { recorded = 0, frames } = run;
    say(kept, recorded > frames.length ? words.kept(frames.length, recorded) : "");
    show(run.steps.length - 1);
    chosen?.(index);
  }

  const buttons = runs.map(({ title, task, frames }, index) => {
    const name = words.run(index + 1, [title, task].filter(Boolean).join(", "));
    const button = element("button", "rw-player-run", { type: "button", title: name, "aria-label": name });
    button.append(element("img", "", { alt: "", src: address(frames[frames.length - 1] ?? "") }));
    button.addEventListener("click", () => choose(index));
    return button;
  });
  list.append(...buttons);
  list.hidden = runs.length < 2;
  list.addEventListener("keydown", (event) => {
    const next = roveTo(buttons, event.target, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
    choose(buttons.findIndex((button) => button === next));
  });
  root.dataset["recorded"] = "true";
  if (runs.length) choose(runs.length - 1);
  else say(find(".rw-player-line", HTMLElement), words.none);
  return root;
}
