/** A run's numbers by column: added step by step, or taken from a recorded run. */
import type { Curves, NamedValues, StepNumbers, Value } from "./curves";

const MOST_STEPS = 1200;
const LEADER_COUNT = 5;

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

  add(numbers: StepNumbers): void {
    if (this.length && this.lastStep === numbers.step) this.truncate(this.length - 1);
    const before = this.length;
    this.steps.push(numbers.step);
    this.loss.push(numbers.loss);
    this.probability.push(numbers.probability);
    this.distance.push(numbers.distance);
    // The classes that are not among the most probable have a probability of about 0.
    for (const values of this.top.values()) values.push(numbers.top.length ? 0 : null);
    for (const [index, value] of numbers.top) {
      const name = this.classes[index];
      if (name === undefined) continue;
      let values = this.top.get(name);
      if (!values) this.top.set(name, (values = [...Array<Value>(before).fill(0), 0]));
      values[before] = value;
    }
    if (this.length > MOST_STEPS) this.thin();
  }

  /** The classes with the highest peaks, ordered by their last value. */
  leaders(): NamedValues[] {
    const ranked = [...this.top].map(([name, values]) => ({
      name,
      values,
      peak: values.reduce<number>((best, value) => Math.max(best, value ?? 0), 0),
      last: values[values.length - 1] ?? 0,
    }));
    return ranked
      .sort((a, b) => b.peak - a.peak)
      .slice(0, LEADER_COUNT)
      .sort((a, b) => b.last - a.last);
  }

  /** Index of the nearest step. */
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

  /** Drops every second step: a chart has fewer pixels than that. */
  private thin(): void {
    const length = Math.ceil(this.length / 2);
    for (const column of this.all) for (let index = 0; index < length; index++) column[index] = column[2 * index];
    this.truncate(length);
  }
}
