/** A run's numbers, column by column: grown frame by frame, or handed over whole. */
import type { Curves, LiveFrame, NamedValues, Value } from "./messages";

const MOST_LIVE = 1200;
const LEADERS = 5;

export class Columns {
  steps: number[] = [];
  loss: Value[] = [];
  probability: Value[] = [];
  distance: Value[] = [];
  radius: Value = null;
  private classes: string[] = [];
  private top = new Map<string, Value[]>();

  get length(): number {
    return this.steps.length;
  }

  get lastStep(): number {
    return this.steps[this.steps.length - 1] ?? 0;
  }

  clear(classes: string[] = [], radius: Value = null): void {
    this.classes = classes;
    this.take({ steps: [], loss: [], probability: [], distance: [], top: [], radius });
  }

  take(curves: Curves): void {
    ({ steps: this.steps, loss: this.loss, probability: this.probability, distance: this.distance } = curves);
    this.radius = curves.radius;
    this.top = new Map(curves.top.map(({ name, values }) => [name, values]));
  }

  add(frame: LiveFrame): void {
    if (this.length && this.lastStep === frame.step) this.truncate(this.length - 1);
    const before = this.length;
    this.steps.push(frame.step);
    this.loss.push(frame.loss);
    this.probability.push(frame.probability);
    this.distance.push(frame.distance);
    // A class that is not among the most probable is next to none.
    for (const values of this.top.values()) values.push(frame.top.length ? 0 : null);
    for (const [index, value] of frame.top) {
      const name = this.classes[index];
      if (name === undefined) continue;
      let values = this.top.get(name);
      if (!values) this.top.set(name, (values = [...Array<Value>(before).fill(0), 0]));
      values[before] = value;
    }
    if (this.length > MOST_LIVE) this.thin();
  }

  /** The classes that came highest, the highest now first. */
  leaders(): NamedValues[] {
    const ranked = [...this.top].map(([name, values]) => ({
      name,
      values,
      peak: values.reduce<number>((best, value) => Math.max(best, value ?? 0), 0),
      last: values[values.length - 1] ?? 0,
    }));
    return ranked
      .sort((a, b) => b.peak - a.peak)
      .slice(0, LEADERS)
      .sort((a, b) => b.last - a.last);
  }

  /** The place of the step nearest to one wanted. */
  nearest(step: number): number {
    let best = 0;
    for (let index = 1; index < this.length; index++) {
      if (Math.abs((this.steps[index] ?? 0) - step) < Math.abs((this.steps[best] ?? 0) - step)) best = index;
    }
    return best;
  }

  private get all(): unknown[][] {
    return [this.steps, this.loss, this.probability, this.distance, ...this.top.values()];
  }

  private truncate(length: number): void {
    for (const column of this.all) column.length = length;
  }

  /** Every second one goes; a chart is not that many pixels wide. */
  private thin(): void {
    const kept = Math.ceil(this.length / 2);
    for (const column of this.all) for (let index = 0; index < kept; index++) column[index] = column[2 * index];
    this.truncate(kept);
  }
}
