/** A player of recorded runs that needs no kernel: picture, controls and curves. */
import "./watch.css";
import "./chart.css";
import "./player.css";
import { Chart } from "./chart";
import { element, finder, setTabStop, nextTabStop, setText } from "./dom";
import type { Value } from "./curves";
import { Transport } from "./transport";
import { percent, plain } from "./numbers";
import { ENGLISH, type PlayerWords } from "./words";

export interface Run {
  title: string;
  task: string;
  last: number;
  /** How many pictures the run had, if some are left out here. */
  recorded?: number;
  steps: number[];
  loss: Value[];
  probability: Value[];
  distance: Value[];
  radius: Value;
  /** A key for each step's picture. */
  frames: string[];
}

export interface PlayerOptions {
  /** The URL of the picture with this key. */
  urlOf: (frame: string) => string;
  signal: AbortSignal;
  words?: PlayerWords;
  /** Called with the index of the run that is shown. */
  chosen?: (index: number) => void;
}

const HEIGHT = 50;
const TEMPLATE = `
  <div class="rw-player-runs" role="group" hidden></div>
  <div class="rw-player-body">
    <img class="rw-player-picture" alt="">
    <div class="rw-player-side"><div class="rw-player-title"></div>
      <div class="rw-player-line"></div></div></div>`;

export function player(runs: readonly Run[], { urlOf, signal, words = ENGLISH, chosen }: PlayerOptions): HTMLElement {
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
    const distances = (run?.steps ?? []).map((other) => Math.abs(other - step));
    transport.go(distances.indexOf(Math.min(...distances)));
  };
  const charts = [new Chart(HEIGHT, scrub, signal), new Chart(HEIGHT, scrub, signal), new Chart(HEIGHT, scrub, signal)];
  const keptNote = element("div", "rw-player-kept");
  side.append(transport.root, ...charts.map((chart) => chart.root), keptNote);
  root.addEventListener("keydown", transport.keydown, { signal });

  function show(at: number): void {
    if (!run) return;
    const { steps, loss, probability, distance, last, title, radius } = run;
    const step = steps[at] ?? 0;
    picture.src = urlOf(run.frames[at] ?? "");
    picture.alt = words.picture(title || run.task, step);
    root.dataset["step"] = String(step);
    const line = words.line(step, last, percent(probability[at]));
    setText(find(".rw-player-line", HTMLElement), line);
    transport.show(at, steps.length, `${step} / ${last}`, line);
    const shared = { end: last, marker: step };
    const curve = (name: string, look: number, values: Value[]) => [{ name, look, steps, values, now: values[at] }];
    charts[0]?.draw({ ...shared, series: curve(words.loss, 0, loss), format: plain });
    charts[1]?.draw({
      ...shared,
      series: curve(title || words.target, 1, probability),
      format: percent,
      range: [0, 1],
    });
    const rule = radius === null ? undefined : { value: radius, name: "ε" };
    charts[2]?.draw({ ...shared, series: curve(words.distance, 2, distance), format: plain, rule });
  }

  function choose(index: number): void {
    run = runs[index];
    if (!run) return;
    transport.pause();
    root.dataset["run"] = String(index);
    buttons.forEach((button, other) => button.setAttribute("aria-pressed", String(other === index)));
    setTabStop(buttons, buttons[index]);
    setText(find(".rw-player-title", HTMLElement), [run.title, run.task].filter(Boolean).join(" · "));
    const { recorded = 0, frames } = run;
    setText(keptNote, recorded > frames.length ? words.kept(frames.length, recorded) : "");
    show(run.steps.length - 1);
    chosen?.(index);
  }

  const buttons = runs.map(({ title, task, frames }, index) => {
    const name = words.run(index + 1, [title, task].filter(Boolean).join(", "));
    const button = element("button", "rw-player-run", { type: "button", title: name, "aria-label": name });
    button.append(element("img", "", { alt: "", src: urlOf(frames[frames.length - 1] ?? "") }));
    button.addEventListener("click", () => choose(index));
    return button;
  });
  list.append(...buttons);
  list.hidden = runs.length < 2;
  list.addEventListener("keydown", (event) => {
    const next = nextTabStop(buttons, event.target, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
    choose(buttons.findIndex((button) => button === next));
  });
  root.dataset["recorded"] = "true";
  if (runs.length) choose(runs.length - 1);
  else setText(find(".rw-player-line", HTMLElement), words.none);
  return root;
}
