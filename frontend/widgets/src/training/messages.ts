/** The messages between the training monitor and the kernel. */
import type { WidgetModel } from "@robust-widgets/shared/model";
import type { Connection } from "@robust-widgets/shared/connection";
import type { NamedValues, Value } from "@robust-widgets/shared/curves";

export type TrainingState = "idle" | "reading" | "running" | "paused" | "done" | "stopped" | "failed";
export type Action = "start" | "pause" | "resume" | "stop";

/** The step and the epoch of each value. */
export interface Positions {
  steps: number[];
  epochs: number[];
}

export interface LossCurve extends Positions {
  values: Value[];
}

export interface AccuracyCurves extends Positions {
  series: NamedValues[];
}

export interface Row {
  epoch: number;
  labels: string[];
}

/** Everything that is shown. Buffers: the pictures of the fresh rows, one after another, as JPEG. */
export interface Update {
  kind: "update";
  sequence: number;
  state: TrainingState;
  title: string;
  words: string;
  about: string;
  classes: string;
  offers: Action[];
  /** Label of the start button. */
  start: string;
  step: number;
  steps: number;
  progress: string;
  announcement: string;
  /** HTML, created and escaped in Python. */
  notice: string;
  loss: LossCurve;
  accuracies: AccuracyCurves;
  /** Oldest first. */
  rows: Row[];
  fresh: { epoch: number; count: number }[];
  left_out: number;
}

export type Outgoing = { kind: "hello" } | { kind: "ack"; sequence: number } | { kind: "press"; action: Action };

export type MonitorModel = WidgetModel<{ label: string }, Update, Outgoing>;
export type MonitorConnection = Connection<{ label: string }, Update, Outgoing>;
