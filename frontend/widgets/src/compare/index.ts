/** Recorded runs next to each other, with one slider and one chart for all. */
import { Chart, type Drawing, type Series } from "@robust-widgets/shared/chart";
import "@robust-widgets/shared/chart.css";
import { Columns } from "@robust-widgets/shared/columns";
import { connect, kernelText, type Kernel } from "@robust-widgets/shared/connection";
import type { Curves } from "@robust-widgets/shared/curves";
import { element, pictureBlob, setText, suppressLabShortcuts } from "@robust-widgets/shared/dom";
import { FrameRenderer } from "@robust-widgets/shared/frames";
import "@robust-widgets/shared/keepsake.css";
import "@robust-widgets/shared/kernelEnded.css";
import type { Buffers, RenderContext, WidgetModel } from "@robust-widgets/shared/model";
import { percent, plain } from "@robust-widgets/shared/numbers";
import { Tabs } from "@robust-widgets/shared/tabs";
import { say } from "@robust-widgets/shared/translation";
import { Transport } from "@robust-widgets/shared/transport";
import "@robust-widgets/shared/watch.css";
import { pageWords } from "@robust-widgets/shared/words";
import "./compare.css";

/** Buffers: the pictures of the run. */
interface Message {
  kind: "run";
  index: number;
  count: number;
  label: string;
  curves: Curves;
}

type Model = WidgetModel<{ display_side: number }, Message, { kind: "hello" }>;
type Quantity = "probability" | "loss" | "distance";

const HEIGHT = 116;
const LOOKS = 5;

/** One of the runs. */
class Run {
  readonly root: HTMLElement;
  readonly columns = new Columns();
  label = "";
  private readonly canvas = element("canvas", "rw-compare-picture", { role: "img" });
  private readonly caption = element("div", "rw-compare-label");
  private readonly probability = element("b");
  private readonly loss = element("b");
  private readonly distance = element("b");
  private readonly renderer: FrameRenderer;
  private pictures: Blob[] = [];

  constructor(side: () => number) {
    const rows: [string, HTMLElement][] = [
      [say("probability"), this.probability],
      [say("loss"), this.loss],
      [say("distance"), this.distance],
    ];
    const cells = rows.flatMap(([name, value]) => [element("span", "", {}, name), value]);
    const numbers = element("div", "rw-compare-numbers", {}, ...cells);
    this.root = element("figure", "rw-compare-run", {}, this.canvas, this.caption, numbers);
    const painted = ({ step }: { step: number }) => (this.root.dataset["step"] = String(step));
    this.renderer = new FrameRenderer(this.canvas, side, { painted, seen: () => undefined });
  }

  receive({ label, curves }: Message, buffers: Buffers): void {
    this.label = label;
    this.columns.take(curves);
    this.pictures = buffers.map(pictureBlob);
    setText(this.caption, label);
  }

  /** Shows the nearest step; a shorter run stays at its last one. */
  show(wanted: number): void {
    const { columns } = this;
    const at = columns.nearest(wanted);
    const blob = this.pictures[at];
    const step = columns.steps[at] ?? 0;
    if (blob) void this.renderer.paint({ blob, step, sequence: null });
    setText(this.probability, percent(columns.probability[at]));
    setText(this.loss, plain(columns.loss[at]));
    setText(this.distance, plain(columns.distance[at]));
    this.canvas.setAttribute("aria-label", say("%1, step %2", this.label, step));
  }

  close(): void {
    this.renderer.forget();
  }
}

class Compare {
  private readonly closed = new AbortController();
  private readonly root = element("div", "rw-watch rw-compare rw-live", {
    role: "group",
    "aria-label": say("compared runs"),
  });
  private readonly row = element("div", "rw-compare-runs");
  private readonly transport: Transport;
  private readonly tabs: Tabs<Quantity>;
  private readonly chart: Chart;
  private readonly lastStep = element("span");
  private readonly notice = element("div", "rw-kernel-ended", { role: "alert" });
  private readonly runs: Run[] = [];
  private received = new Set<number>();
  private step = 0;

  constructor(
    private readonly model: Model,
    el: HTMLElement,
  ) {
    const { signal } = this.closed;
    this.transport = new Transport((step) => this.show(step), signal, pageWords());
    const labels: [Quantity, string][] = [
      ["probability", say("Target")],
      ["loss", say("Loss")],
      ["distance", say("Distance")],
    ];
    this.tabs = new Tabs(say("curves"), labels, () => this.draw(), signal);
    this.chart = new Chart(HEIGHT, (step) => this.transport.go(Math.round(step)), signal);
    const foot = element("div", "rw-chart-foot", {}, element("span", "", {}, say("step %1", 0)), this.lastStep);
    this.tabs.panel.append(this.chart.root, foot);
    this.root.append(this.notice, this.row, this.transport.root, this.tabs.root);
    this.root.addEventListener("keydown", this.transport.keydown, { signal });
    suppressLabShortcuts(this.root, signal);
    el.append(this.root);
    model.on("msg:custom", this.receive);
    connect(model, el, { kind: "hello" }, this.onConnectionChange, signal).send({ kind: "hello" });
  }

  readonly close = (): void => {
    this.closed.abort();
    for (const run of this.runs) run.close();
    this.model.off("msg:custom", this.receive);
    this.root.remove();
  };

  /** What was shown stays: the page has all of it. */
  private readonly onConnectionChange = (kernel: Kernel): void => {
    const isShown = kernel === "running" || this.received.size > 0;
    this.root.classList.toggle("rw-live", isShown);
    setText(this.notice, isShown ? "" : kernelText(kernel, "comparison", "Run the cell again to compare the runs."));
  };

  private readonly receive = (message: Message, buffers: Buffers): void => {
    while (this.runs.length < message.count) {
      const run = new Run(() => this.model.get("display_side"));
      this.runs.push(run);
      this.row.append(run.root);
    }
    this.root.style.setProperty("--rw-side", `${this.model.get("display_side")}px`);
    const isNew = !this.received.has(message.index);
    this.runs[message.index]?.receive(message, buffers);
    this.received.add(message.index);
    if (this.received.size < this.runs.length) return;
    this.root.dataset["recorded"] = "true";
    this.show(isNew ? this.end : this.step);
  };

  private get end(): number {
    return Math.max(1, ...this.runs.map(({ columns }) => columns.lastStep));
  }

  private show(step: number): void {
    this.step = step;
    this.root.dataset["step"] = String(step);
    for (const run of this.runs) run.show(step);
    this.transport.show(step, this.end + 1, `${step} / ${this.end}`, say("step %1 of %2", step, this.end));
    this.draw();
  }

  private draw(): void {
    const quantity = this.tabs.chosen;
    const series = this.runs.map(({ label, columns }, index): Series => {
      const values = columns[quantity];
      return {
        name: label,
        look: index % LOOKS,
        steps: columns.steps,
        values,
        now: values[columns.nearest(this.step)],
      };
    });
    const drawing: Drawing = { series, end: this.end, marker: this.step, format: plain, rule: this.rule(quantity) };
    if (quantity === "probability") this.chart.draw({ ...drawing, format: percent, range: [0, 1] });
    else this.chart.draw(drawing);
    setText(this.lastStep, String(this.end));
  }

  /** The limit of the distance, if all runs have the same. */
  private rule(quantity: Quantity): Drawing["rule"] {
    const [radius, ...others] = new Set(this.runs.map(({ columns }) => columns.radius));
    if (quantity !== "distance" || typeof radius !== "number" || others.length) return undefined;
    return { value: radius, name: "ε" };
  }
}

const render = ({ model, el }: RenderContext<Model>): (() => void) => new Compare(model, el).close;

export default { render };
