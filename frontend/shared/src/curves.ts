/** The numbers of a run, as the kernel sends them and as saved runs hold them. */

/** Null where the number is unknown or not finite. */
export type Value = number | null;

export interface NamedValues {
  name: string;
  values: Value[];
}

/** A run's numbers at some of its steps. */
export interface Curves {
  steps: number[];
  loss: Value[];
  probability: Value[];
  distance: Value[];
  top: NamedValues[];
  radius: Value;
}

/** A run's numbers at one step. */
export interface StepNumbers {
  step: number;
  loss: Value;
  probability: Value;
  distance: Value;
  /** Class index and probability, the highest first. */
  top: [number, number][];
}
