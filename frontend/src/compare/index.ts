/** Recorded runs side by side under one slider; their curves over one another. */
import "../view/watch.css";
import "../view/chart.css";
import "./compare.css";
import type { RenderContext, WidgetModel } from "../anywidget";
import { post } from "../line";
import { Chart, type Series } from "../view/chart";
import { Columns } from "../view/columns";
import { element, finder, keepKeysFromLab, pictureOf, say } from "../view/dom";
import type { Buffers, Curves, Value } from "../view/messages";
import { Painter } from "../view/painter";
import { Tabs } from "../view/tabs";
import { Transport } from "../view/transport";
import { percent, plain } from "../view/words";

interface Message {
  kind: "run";
  index: number;
  count: number;
  label: string;
  curves: Curves;
}

type Model = WidgetModel<{ display_side: number }, Message, { kind: "hello" }>;

const HEIGHT = 116;
const FIGURE = `
  <canvas class="rw-compare-picture" role="img"></canvas>
  <div class="rw-compare-label"></div>
  <div class="rw-compare-numbers">
    <span>probability</span><b></b><span>loss</span><b></b><span>distance</span><b></b></div>`;

/** One of the runs. */
class Side {
  readonly root = element("figure", "rw-compare-run");
  readonly columns = new Columns();
  label = "";
  private readonly find = finder(this.root);
  private readonly painter: Painter;
  private pictures: Blob[] = [];

  constructor(side: () => number) {
    this.root.innerHTML = FIGURE;
    const painted = ({ step }: { step: number }) => (this.root.dataset["step"] = String(step));
    this.painter = new Painter(this.find("canvas", HTMLCanvasElement), side, { painted, seen: () => undefined });
  }

  take({ label, curves }: Message, buffers: Buffers): void {
    this.label = label;
    this.columns.take(curves);
    this.pictures = buffers.map(pictureOf);
    say(this.find(".rw-compare-label", HTMLElement), label);
  }

  /** A run that is shorter holds its last picture. */
  show(step: number): void {
    const at = this.columns.nearest(step);
    const blob = this.pictures[at];
    const own = this.columns.steps[at] ?? 0;
    if (blob) void this.painter.paint({ blob, step: own, sequence: null });
    const { probability, loss, distance } = this.columns;
    const words = [percent(probability[at]), plain(loss[at]), plain(distance[at])];
    this.root.querySelectorAll("b").forEach((cell, index) => say(cell, words[index] ?? ""));
    this.find("canvas", HTMLCanvasElement).setAttribute("aria-label", `${this.label}, step ${own}`);
  }

  close(): void {
    this.painter.forget();
  }
}

class Compare {
  private readonly ended = new AbortController();
  private readonly root = element("div", "rw-watch rw-compare", { role: "group", "aria-label": "runs side by side" });
  private readonly row = element("div", "rw-compare-runs");
  private readonly transport: Transport;
  private readonly tabs: Tabs;
  private readonly chart: Chart;
  private readonly foot = element("div", "rw-chart-foot");
  private readonly sides: Side[] = [];
  private known = new Set<number>();
  private step = 0;

  constructor(
    private readonly model: Model,
    el: HTMLElement,
  ) {
    const { signal } = this.ended;
    this.transport = new Transport((index) => this.show(index), signal);
    const names: [string, string][] = [["probability", "Target"], ["loss", "Loss"], ["distance", "Distance"]];
    this.tabs = new Tabs("curves", names, () => this.draw(), signal);
    this.chart = new Chart(HEIGHT, (step) => this.transport.go(Math.round(step)), signal);
    this.foot.innerHTML = "<span>step 0</span><span></span>";
    this.tabs.panel.append(this.chart.root, this.foot);
    this.root.append(this.row, this.transport.root, this.tabs.root);
    this.root.addEventListener("keydown", this.transport.keydown, { signal });
    keepKeysFromLab(this.root, signal);
    el.append(this.root);
    model.on("msg:custom", this.receive);
    post(model, { kind: "hello" });
  }

  readonly close = (): void => {
    this.ended.abort();
    for (const side of this.sides) side.close();
    this.model.off("msg:custom", this.receive);
    this.root.remove();
  };

  private readonly receive = (message: Message, buffers: Buffers): void => {
    while (this.sides.length < message.count) {
      const side = new Side(() => this.model.get("display_side"));
      this.sides.push(side);
      this.row.append(side.root);
    }
    this.root.style.setProperty("--rw-side", `${this.model.get("display_side")}px`);
    const first = !this.known.has(message.index);
    this.sides[message.index]?.take(message, buffers);
    this.known.add(message.index);
    if (this.known.size < this.sides.length) return;
    this.root.dataset["recorded"] = "true";
    this.show(first ? this.end : this.step);
  };

  private get end(): number {
    return Math.max(1, ...this.sides.map(({ columns }) => columns.lastStep));
  }

  private show(step: number): void {
    this.step = step;
    this.root.dataset["step"] = String(step);
    for (const side of this.sides) side.show(step);
    this.transport.show(step, this.end + 1, `${step} / ${this.end}`, `step ${step} of ${this.end}`);
    this.draw();
  }

  private draw(): void {
    const chosen = this.tabs.chosen === "loss" || this.tabs.chosen === "distance" ? this.tabs.chosen : "probability";
    const series = this.sides.map(({ label, columns }, look): Series => {
      const values: Value[] = columns[chosen];
      return { name: label, look: look % 5, steps: columns.steps, values, now: values[columns.nearest(this.step)] };
    });
    const radii = new Set(this.sides.map(({ columns }) => columns.radius));
    const radius = radii.size === 1 ? [...radii][0] : null;
    const rule = chosen === "distance" && typeof radius === "number" ? { value: radius, name: "ε" } : undefined;
    const shared = { series, end: this.end, here: this.step, rule };
    if (chosen === "probability") this.chart.draw({ ...shared, words: percent, range: [0, 1] });
    else this.chart.draw({ ...shared, words: plain });
    say(this.foot.lastElementChild ?? this.foot, String(this.end));
  }
}

const render = ({ model, el }: RenderContext<Model>): (() => void) => new Compare(model, el).close;

export default { render };
