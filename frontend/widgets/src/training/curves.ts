/** The loss by step and the accuracies by epoch, over the same steps. Pointer and arrow keys read single values. */
import { Chart, type Drawing } from "@robust-widgets/shared/chart";
import type { Value } from "@robust-widgets/shared/curves";
import { element, setText } from "@robust-widgets/shared/dom";
import { percent, plain } from "@robust-widgets/shared/numbers";
import type { AccuracyCurves, LossCurve, Positions } from "./messages";

const HEIGHT = 116;
const LOOKS = 5;
const FEWEST_STEPS = 8;

type DrawAt = (index: number) => Omit<Drawing, "end" | "marker">;

/** A chart that is a slider, too: moving along it reads values. Otherwise it shows the newest ones. */
class ReadableChart {
  readonly root = element("div", "rw-training-curve");
  private readonly chart: Chart;
  private readonly left = element("span");
  private readonly right = element("span");
  private positions: Positions = { steps: [], epochs: [] };
  private drawAt: DrawAt | null = null;
  private end = 1;
  /** The step that is read; null for the newest. */
  private reading: number | null = null;

  constructor(name: string, placeholder: string, signal: AbortSignal) {
    this.chart = new Chart(HEIGHT, () => undefined, signal);
    const foot = element("div", "rw-chart-foot", {}, this.left, this.right);
    this.root.append(this.chart.root, foot, element("div", "rw-training-none", {}, placeholder));
    const { plot } = this.chart;
    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-label", `${name}; arrow keys read its values`);
    const point = (event: PointerEvent) => this.read(this.nearest(this.chart.stepAt(event.clientX)));
    plot.addEventListener("pointerdown", point, { signal });
    plot.addEventListener("pointermove", point, { signal });
    plot.addEventListener("pointerleave", () => this.read(null), { signal });
    plot.addEventListener("blur", () => this.read(null), { signal });
    plot.addEventListener("keydown", this.keydown, { signal });
  }

  show(positions: Positions, end: number, drawAt: DrawAt): void {
    [this.positions, this.end, this.drawAt] = [positions, end, drawAt];
    this.draw();
  }

  private get index(): number {
    return this.reading === null ? this.positions.steps.length - 1 : this.nearest(this.reading);
  }

  private nearest(step: number): number {
    const distances = this.positions.steps.map((other) => Math.abs(other - step));
    return distances.indexOf(Math.min(...distances));
  }

  private read(index: number | null): void {
    this.reading = index === null ? null : (this.positions.steps[index] ?? null);
    this.draw();
  }

  private readonly keydown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.positions.steps.length - 1;
    const page = Math.max(1, Math.round(last / 10));
    const targets: Record<string, number> = {
      ArrowLeft: this.index - 1,
      ArrowDown: this.index - 1,
      ArrowRight: this.index + 1,
      ArrowUp: this.index + 1,
      PageDown: this.index - page,
      PageUp: this.index + page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target === undefined || last < 0) return;
    event.preventDefault();
    this.read(target >= last ? null : Math.max(0, target));
  };

  private draw(): void {
    const { positions, index, end } = this;
    const isEmpty = !positions.steps.length;
    const { plot } = this.chart;
    this.root.dataset["empty"] = String(isEmpty);
    plot.setAttribute("aria-disabled", String(isEmpty));
    const drawing = this.drawAt?.(index);
    if (!drawing) return;
    const step = positions.steps[index] ?? 0;
    this.chart.draw({ ...drawing, end, marker: isEmpty ? null : step });
    const position = isEmpty ? "" : `step ${step.toLocaleString("en")}, epoch ${positions.epochs[index] ?? 0}`;
    const values = drawing.series.map(({ name, now }) => `${name} ${drawing.format(now)}`).join(", ");
    plot.setAttribute("aria-valuemin", String(positions.steps[0] ?? 0));
    plot.setAttribute("aria-valuemax", String(positions.steps.at(-1) ?? 0));
    plot.setAttribute("aria-valuenow", String(step));
    plot.setAttribute("aria-valuetext", isEmpty ? "nothing yet" : `${position}: ${values}`);
    setText(this.left, this.reading === null ? "step 0" : position);
    setText(this.right, Math.round(end).toLocaleString("en"));
  }
}

export class Curves {
  readonly root = element("div", "rw-training-curves");
  private readonly loss: ReadableChart;
  private readonly accuracy: ReadableChart;

  constructor(signal: AbortSignal) {
    this.loss = new ReadableChart("loss by step", "The loss appears here, step by step.", signal);
    this.accuracy = new ReadableChart("accuracy by epoch", "The accuracies appear here after the first epoch.", signal);
    this.root.append(this.loss.root, this.accuracy.root);
  }

  show(loss: LossCurve, accuracies: AccuracyCurves, step: number, steps: number): void {
    const end = endOfAxis(step, steps);
    this.loss.show(loss, end, (index) => ({
      series: [{ name: "loss", look: 0, steps: loss.steps, values: loss.values, now: loss.values[index] }],
      format: plain,
    }));
    const range: [number, number] = [0, nextTenth(accuracies.series.flatMap(({ values }) => values))];
    this.accuracy.show(accuracies, end, (index) => ({
      series: accuracies.series.slice(0, LOOKS).map(({ name, values }, position) => ({
        name,
        look: (position + 1) % LOOKS,
        steps: accuracies.steps,
        values,
        now: values[index],
      })),
      format: percent,
      range,
    }));
  }
}

/** The step at the right edge: the last step of the training, or a half, a quarter, ... of it. The curves fill the plot
 * early on, and the scale seldom changes. */
export function endOfAxis(step: number, steps: number): number {
  let end = Math.max(1, steps);
  while (end / 2 >= Math.max(step, FEWEST_STEPS)) end /= 2;
  return end;
}

/** The highest value rounded up to a tenth. */
export function nextTenth(values: readonly Value[]): number {
  const highest = values.reduce<number>((best, value) => Math.max(best, value ?? 0), 0);
  return Math.min(1, Math.max(0.1, Math.ceil(highest * 10) / 10));
}
