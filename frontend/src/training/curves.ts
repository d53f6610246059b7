/** The loss by step and the accuracies by epoch, over the same steps. The pointer and the arrow keys read values. */
import { Chart, type Drawing } from "../view/chart";
import { element, say } from "../view/dom";
import type { Value } from "../view/messages";
import { percent, plain } from "../view/words";
import type { AccuracyCurves, LossCurve, Places } from "./messages";

const HEIGHT = 116;
const LOOKS = 5;
const FEWEST_STEPS = 8;

/** A chart that is read by pointer or keys; without either it tells the newest values. */
class Readable {
  readonly root = element("div", "rw-training-curve");
  private readonly chart: Chart;
  private readonly foot = element("div", "rw-chart-foot");
  private readonly none = element("div", "rw-training-none");
  private places: Places = { steps: [], epochs: [] };
  private drawing: ((at: number) => Omit<Drawing, "end" | "here">) | null = null;
  private end = 1;
  /** The step that is read; null for the newest. */
  private reading: number | null = null;

  constructor(
    name: string,
    none: string,
    signal: AbortSignal,
  ) {
    this.chart = new Chart(HEIGHT, () => undefined, signal);
    this.foot.innerHTML = "<span></span><span></span>";
    this.none.textContent = none;
    this.root.append(this.chart.root, this.foot, this.none);
    const { plot } = this.chart;
    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-label", `${name}; arrow keys read its values`);
    const point = (event: PointerEvent) => {
      const { left, width } = plot.getBoundingClientRect();
      this.read(this.nearest(((event.clientX - left) / width) * this.end));
    };
    plot.addEventListener("pointerdown", point, { signal });
    plot.addEventListener("pointermove", point, { signal });
    plot.addEventListener("pointerleave", () => this.read(null), { signal });
    plot.addEventListener("blur", () => this.read(null), { signal });
    plot.addEventListener("keydown", this.keydown, { signal });
  }

  show(places: Places, end: number, drawing: (at: number) => Omit<Drawing, "end" | "here">): void {
    [this.places, this.end, this.drawing] = [places, end, drawing];
    this.draw();
  }

  private get at(): number {
    return this.reading === null ? this.places.steps.length - 1 : this.nearest(this.reading);
  }

  private nearest(step: number): number {
    const offs = this.places.steps.map((known) => Math.abs(known - step));
    return offs.indexOf(Math.min(...offs));
  }

  private read(at: number | null): void {
    this.reading = at === null ? null : (this.places.steps[at] ?? null);
    this.draw();
  }

  private readonly keydown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.places.steps.length - 1;
    const page = Math.max(1, Math.round(last / 10));
    const to: Record<string, number> = {
      ArrowLeft: this.at - 1,
      ArrowDown: this.at - 1,
      ArrowRight: this.at + 1,
      ArrowUp: this.at + 1,
      PageDown: this.at - page,
      PageUp: this.at + page,
      Home: 0,
      End: last,
    };
    const wanted = to[event.key];
    if (wanted === undefined || last < 0) return;
    event.preventDefault();
    this.read(wanted >= last ? null : Math.max(0, wanted));
  };

  private draw(): void {
    const { places, at, end } = this;
    const empty = !places.steps.length;
    this.root.dataset["empty"] = String(empty);
    this.chart.plot.setAttribute("aria-disabled", String(empty));
    const drawing = this.drawing?.(at);
    if (!drawing) return;
    const step = places.steps[at] ?? 0;
    this.chart.draw({ ...drawing, end, here: empty ? null : step });
    const where = empty ? "" : `step ${step.toLocaleString("en")}, epoch ${places.epochs[at] ?? 0}`;
    const values = drawing.series.map(({ name, now }) => `${name} ${drawing.words(now)}`).join(", ");
    const { plot } = this.chart;
    plot.setAttribute("aria-valuemin", String(places.steps[0] ?? 0));
    plot.setAttribute("aria-valuemax", String(places.steps[places.steps.length - 1] ?? 0));
    plot.setAttribute("aria-valuenow", String(step));
    plot.setAttribute("aria-valuetext", empty ? "nothing yet" : `${where}: ${values}`);
    const [left, right] = [this.foot.firstElementChild, this.foot.lastElementChild];
    // What is read stands under it; otherwise the scale does.
    if (left) say(left, this.reading === null ? "step 0" : where);
    if (right) say(right, Math.round(end).toLocaleString("en"));
  }
}

export class Curves {
  readonly root = element("div", "rw-training-curves");
  private readonly loss: Readable;
  private readonly accuracy: Readable;

  constructor(signal: AbortSignal) {
    this.loss = new Readable("loss by step", "The loss appears here, step by step.", signal);
    this.accuracy = new Readable("accuracy by epoch", "The accuracies appear here after the first epoch.", signal);
    this.root.append(this.loss.root, this.accuracy.root);
  }

  show(loss: LossCurve, accuracies: AccuracyCurves, step: number, steps: number): void {
    const end = edge(step, steps);
    this.loss.show(loss, end, (at) => ({
      series: [{ name: "loss", look: 0, steps: loss.steps, values: loss.values, now: loss.values[at] }],
      words: plain,
    }));
    const range: [number, number] = [0, ceiling(accuracies.series.flatMap(({ values }) => values))];
    this.accuracy.show(accuracies, end, (at) => ({
      series: accuracies.series.slice(0, LOOKS).map(({ name, values }, index) => {
        return { name, look: (index + 1) % LOOKS, steps: accuracies.steps, values, now: values[at] };
      }),
      words: percent,
      range,
    }));
  }
}

/** The step at the right edge: the last one of the run, or a half, a quarter, ... of it, so that curves fill their plot
 * from early on and do not move with every step. */
function edge(step: number, steps: number): number {
  let end = Math.max(1, steps);
  while (end / 2 >= Math.max(step, FEWEST_STEPS)) end /= 2;
  return end;
}

/** The next tenth. */
function ceiling(values: readonly Value[]): number {
  const highest = values.reduce<number>((best, value) => Math.max(best, value ?? 0), 0);
  return Math.min(1, Math.max(0.1, Math.ceil(highest * 10) / 10));
}
