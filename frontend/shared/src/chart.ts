/** A chart of curves over the steps of a run, each with its name and value next to it. */
import type { Value } from "./curves";
import { element, finder, setText } from "./dom";

export interface Series {
  name: string;
  /** Index of the colour and dashes, from 0. */
  look: number;
  steps: readonly number[];
  values: readonly Value[];
  /** The value shown next to the name. */
  now: Value | undefined;
}

export interface Drawing {
  series: readonly Series[];
  /** Step at the right edge. */
  end: number;
  /** Step of the marker. */
  marker: number | null;
  format: (value: Value | undefined) => string;
  /** By default the range of the values. */
  range?: [low: number, high: number];
  /** A horizontal line. */
  rule?: { value: number; name: string } | undefined;
}

const LABEL_HEIGHT = 14;
const MOST_POINTS = 300;
const TEMPLATE = `
  <span class="rw-chart-high"></span><span class="rw-chart-low"></span>
  <div class="rw-chart-plot"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true"></svg>
    <i class="rw-chart-rule" hidden></i><i class="rw-chart-marker" hidden></i></div>
  <div class="rw-chart-labels"></div>`;
const LABEL = `
  <svg class="rw-chart-swatch" viewBox="0 0 14 2" aria-hidden="true"><path d="M0 1h14"/></svg><span></span><b></b>`;

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
  private end = 1;

  /**
   * @param height of the plot, in CSS pixels
   * @param scrub called with the step that the user points at
   */
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
      scrub(this.stepAt(event.clientX));
    };
    this.plot.addEventListener("pointerdown", point, { signal });
    this.plot.addEventListener("pointermove", point, { signal });
  }

  /** The step at a position in the window, not rounded. */
  stepAt(clientX: number): number {
    const { left, width } = this.plot.getBoundingClientRect();
    return ((clientX - left) / width) * this.end;
  }

  draw({ series, end, marker, format, range, rule }: Drawing): void {
    this.end = end = Math.max(1, end);
    const [low, high] = range ?? rangeOf(series, rule?.value);
    const fraction = (value: number) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
    setText(this.find(".rw-chart-high", HTMLElement), Number.isFinite(high) && high > low ? format(high) : "");
    setText(this.find(".rw-chart-low", HTMLElement), Number.isFinite(low) ? format(low) : "");
    const left = `${(100 * (marker ?? 0)) / end}%`;
    const line = this.find(".rw-chart-marker", HTMLElement);
    line.hidden = marker === null;
    line.style.left = left;
    this.setRowCount(series.length);
    const heights: number[] = [];
    series.forEach(({ name, look, steps, values, now }, index) => {
      const row = this.rows[index];
      if (!row) return;
      const path = pathOf(steps, values, end, fraction);
      if (row.path.getAttribute("d") !== path) row.path.setAttribute("d", path);
      for (const part of [row.path, row.dot, row.label]) part.setAttribute("data-look", String(look));
      const height = 1 - fraction(now ?? low);
      row.dot.hidden = marker === null || now === null || now === undefined;
      row.dot.style.left = left;
      row.dot.style.top = `${100 * height}%`;
      setText(row.name, name);
      row.name.title = name;
      setText(row.value, format(now));
      heights.push(height * this.height);
    });
    this.drawRule(rule, rule ? fraction(rule.value) : 0);
    spread(heights, LABEL_HEIGHT, this.height).forEach((top, index) => {
      const row = this.rows[index];
      if (row) row.label.style.transform = `translateY(${(top - LABEL_HEIGHT / 2).toFixed(1)}px)`;
    });
  }

  private drawRule(rule: Drawing["rule"], fraction: number): void {
    this.rule.hidden = !rule;
    if (!rule) return;
    this.rule.style.top = `${100 - 100 * fraction}%`;
    this.rule.dataset["name"] = `${rule.name} ${Number(rule.value.toPrecision(3))}`;
    this.rule.dataset["side"] = fraction > 0.5 ? "below" : "above";
  }

  private setRowCount(count: number): void {
    const svg = this.find("svg", SVGElement);
    while (this.rows.length > count) {
      const row = this.rows.pop();
      for (const part of [row?.path, row?.dot, row?.label]) part?.remove();
    }
    while (this.rows.length < count) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const dot = element("i", "rw-chart-dot");
      const label = element("div", "rw-chart-label");
      label.innerHTML = LABEL.trim();
      svg.append(path);
      this.plot.append(dot);
      this.labels.append(label);
      const find = finder(label);
      this.rows.push({ path, dot, label, name: find("span", HTMLElement), value: find("b", HTMLElement) });
    }
  }
}

/** The range of the values; with a rule, from 0 to at least a little above it. */
function rangeOf(series: readonly Series[], rule: number | undefined): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const { values } of series) {
    for (const value of values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (rule !== undefined) [low, high] = [Math.min(low, 0), Math.max(high, rule * 1.05)];
  return [low, high];
}

/** An SVG path with at most about `MOST_POINTS` points, interrupted where values are missing. */
function pathOf(
  steps: readonly number[],
  values: readonly Value[],
  end: number,
  fraction: (value: number) => number,
): string {
  const stride = Math.max(1, Math.ceil(steps.length / MOST_POINTS));
  let path = "";
  let command = "M";
  for (let index = 0; index < steps.length; index++) {
    if (index % stride && index !== steps.length - 1) continue;
    const value = values[index];
    if (value === null || value === undefined) command = "M";
    else {
      const x = ((1000 * (steps[index] ?? 0)) / end).toFixed(0);
      path += `${command}${x} ${(100 - 100 * fraction(value)).toFixed(1)}`;
      command = "L";
    }
  }
  return path;
}

/** Moves positions as little as possible, so that they are at least `spacing` apart and within 0 and `most`. */
export function spread(wanted: readonly number[], spacing: number, most: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const places = [...wanted];
  let lowest = spacing / 2;
  for (const index of order) {
    places[index] = Math.max(places[index] ?? 0, lowest);
    lowest = (places[index] ?? 0) + spacing;
  }
  let highest = most - spacing / 2;
  for (const index of order.reverse()) {
    places[index] = Math.min(places[index] ?? 0, highest);
    highest = (places[index] ?? 0) - spacing;
  }
  return places;
}
