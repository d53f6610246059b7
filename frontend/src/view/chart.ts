/** Curves over the steps of a run, each named where it is. */
import { element, finder, say } from "./dom";
import type { Value } from "./messages";

export interface Series {
  name: string;
  /** Which colour and dashes, from 0. */
  look: number;
  steps: readonly number[];
  values: readonly Value[];
  /** The value told beside the name. */
  now: Value | undefined;
}

export interface Drawing {
  series: readonly Series[];
  /** The step at the right edge. */
  end: number;
  /** The step that the marker stands at. */
  here: number | null;
  words: (value: Value | undefined) => string;
  /** By default what the values reach. */
  range?: [low: number, high: number];
  rule?: { value: number; name: string } | undefined;
}

const LABEL_HEIGHT = 14;
const MOST_POINTS = 300;
const TEMPLATE = `
  <span class="rw-chart-high"></span><span class="rw-chart-low"></span>
  <div class="rw-chart-plot"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true"></svg>
    <i class="rw-chart-rule" hidden></i><i class="rw-chart-marker" hidden></i></div>
  <div class="rw-chart-labels"></div>`;

interface Row {
  path: SVGPathElement;
  dot: HTMLElement;
  label: HTMLElement;
  name: HTMLElement;
  value: HTMLElement;
}

export class Chart {
  readonly root = element("div", "rw-chart");
  readonly plot: HTMLElement;
  private readonly labels: HTMLElement;
  private readonly rule: HTMLElement;
  private readonly find = finder(this.root);
  private rows: Row[] = [];

  /** @param height of the plot in CSS pixels @param scrub called with the step that is pointed at */
  constructor(
    private readonly height: number,
    scrub: (step: number) => void,
    signal: AbortSignal,
  ) {
    this.root.innerHTML = TEMPLATE;
    this.root.style.setProperty("--rw-height", `${height}px`);
    this.plot = this.find(".rw-chart-plot", HTMLElement);
    this.labels = this.find(".rw-chart-labels", HTMLElement);
    this.rule = this.find(".rw-chart-rule", HTMLElement);
    const point = (event: PointerEvent) => {
      if (!(event.buttons & 1)) return;
      if (event.type === "pointerdown") this.plot.setPointerCapture(event.pointerId);
      const { left, width } = this.plot.getBoundingClientRect();
      scrub(((event.clientX - left) / width) * this.end);
    };
    this.plot.addEventListener("pointerdown", point, { signal });
    this.plot.addEventListener("pointermove", point, { signal });
  }

  private end = 1;

  draw({ series, end, here, words, range, rule }: Drawing): void {
    this.end = end = Math.max(1, end);
    const [low, high] = range ?? reach(series, rule?.value);
    const up = (value: number) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
    say(this.find(".rw-chart-high", HTMLElement), Number.isFinite(high) && high > low ? words(high) : "");
    say(this.find(".rw-chart-low", HTMLElement), Number.isFinite(low) ? words(low) : "");
    const marker = this.find(".rw-chart-marker", HTMLElement);
    marker.hidden = here === null;
    const left = `${(100 * (here ?? 0)) / end}%`;
    marker.style.left = left;
    this.fit(series.length);
    const heights: number[] = [];
    series.forEach(({ name, look, steps, values, now }, index) => {
      const row = this.rows[index];
      if (!row) return;
      const d = line(steps, values, end, up);
      if (row.path.getAttribute("d") !== d) row.path.setAttribute("d", d);
      for (const part of [row.path, row.dot, row.label]) part.setAttribute("data-look", String(look));
      row.dot.hidden = here === null || now === null || now === undefined;
      row.dot.style.left = left;
      row.dot.style.top = `${100 - 100 * up(now ?? low)}%`;
      say(row.name, name);
      row.name.title = name;
      say(row.value, words(now));
      heights.push((1 - up(now ?? low)) * this.height);
    });
    this.drawRule(rule, rule ? up(rule.value) : 0);
    spread(heights, LABEL_HEIGHT, this.height).forEach((top, index) => {
      const row = this.rows[index];
      if (row) row.label.style.transform = `translateY(${(top - LABEL_HEIGHT / 2).toFixed(1)}px)`;
    });
  }

  private drawRule(rule: Drawing["rule"], up: number): void {
    this.rule.hidden = !rule;
    if (!rule) return;
    this.rule.style.top = `${100 - 100 * up}%`;
    this.rule.dataset["name"] = `${rule.name} ${Number(rule.value.toPrecision(3))}`;
    this.rule.dataset["side"] = up > 0.5 ? "below" : "above";
  }

  /** As many rows as there are series. */
  private fit(count: number): void {
    const svg = this.find("svg", SVGElement);
    while (this.rows.length > count) {
      const row = this.rows.pop();
      for (const part of [row?.path, row?.dot, row?.label]) part?.remove();
    }
    while (this.rows.length < count) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const dot = element("i", "rw-chart-dot");
      const label = element("div", "rw-chart-label");
      label.innerHTML =
        '<svg class="rw-chart-swatch" viewBox="0 0 14 2" aria-hidden="true"><path d="M0 1h14"/></svg><span></span><b></b>';
      svg.append(path);
      this.plot.append(dot);
      this.labels.append(label);
      const find = finder(label);
      this.rows.push({ path, dot, label, name: find("span", HTMLElement), value: find("b", HTMLElement) });
    }
  }
}

function reach(series: readonly Series[], also: number | undefined): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const { values } of series) {
    for (const value of values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (also !== undefined) [low, high] = [Math.min(low, 0), Math.max(high, also * 1.05)];
  return [low, high];
}

function line(steps: readonly number[], values: readonly Value[], end: number, up: (value: number) => number): string {
  const stride = Math.max(1, Math.ceil(steps.length / MOST_POINTS));
  let path = "";
  let pen = "M";
  for (let index = 0; index < steps.length; index++) {
    if (index % stride && index !== steps.length - 1) continue;
    const value = values[index];
    if (value === null || value === undefined) pen = "M";
    else {
      path += `${pen}${((1000 * (steps[index] ?? 0)) / end).toFixed(0)} ${(100 - 100 * up(value)).toFixed(1)}`;
      pen = "L";
    }
  }
  return path;
}

/** Places as near as can be to those wanted, none closer than `apart`, all within 0 and `most`. */
export function spread(wanted: readonly number[], apart: number, most: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const places = [...wanted];
  let lowest = apart / 2;
  for (const index of order) {
    places[index] = Math.max(places[index] ?? 0, lowest);
    lowest = (places[index] ?? 0) + apart;
  }
  let highest = most - apart / 2;
  for (const index of order.reverse()) {
    places[index] = Math.min(places[index] ?? 0, highest);
    highest = (places[index] ?? 0) - apart;
  }
  return places;
}
