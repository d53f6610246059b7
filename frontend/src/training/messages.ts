/** What travels between the training monitor and the kernel. */
import type { WidgetModel } from "../anywidget";
import type { Line } from "../line";
import type { NamedValues, Value } from "../view/messages";

export type LearningState = "idle" | "reading" | "running" | "paused" | "done" | "stopped" | "failed";
export type Action = "start" | "pause" | "resume" | "stop";

/** Which step and which epoch each value belongs to. */
export interface Places {
  steps: number[];
  epochs: number[];
}

export interface LossCurve extends Places {
  values: Value[];
}

export interface AccuracyCurves extends Places {
  series: NamedValues[];
}

export interface Row {
  epoch: number;
  labels: string[];
}

/** All there is to show. Buffers: the pictures of the fresh rows, one after another, as JPEG. */
export interface Update {
  kind: "update";
  sequence: number;
  state: LearningState;
  title: string;
  words: string;
  about: string;
  classes: string;
  offers: Action[];
  /** What the button is called that starts. */
  start: string;
  step: number;
  steps: number;
  progress: string;
  announcement: string;
  /** HTML, made and escaped in Python. */
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
export type MonitorLine = Line<{ label: string }, Update, Outgoing>;
