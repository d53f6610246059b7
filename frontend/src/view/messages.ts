/** What travels between the view and the kernel. */
import type { WidgetModel } from "../anywidget";
import type { Line } from "../line";

export type EndState = "done" | "stopped" | "failed";
export type RunState = "empty" | "running" | EndState;
export type Value = number | null;
export type Buffers = DataView<ArrayBuffer>[];

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

export interface Begin {
  kind: "begin";
  run: number;
  steps: number;
  title: string;
  classes: string[];
  radius: Value;
  /** The steps already made, when a view comes late. */
  curves: Curves | null;
}

/** Buffers: the picture and, if it is wanted, the gradient's size. */
export interface LiveFrame {
  kind: "frame";
  run: number;
  sequence: number;
  step: number;
  loss: Value;
  probability: Value;
  distance: Value;
  /** Class index and probability, the highest first. */
  top: [number, number][];
  rate: Value;
  left: Value;
}

/** Buffers: a picture for each step. */
export interface Recorded {
  kind: "record";
  run: number;
  curves: Curves;
  title: string;
  state: EndState;
}

/** Buffers: the gradient's size at each recorded step; empty where it is not known. */
export interface Heats {
  kind: "heat";
  run: number;
}

export interface End {
  kind: "end";
  run: number;
  state: EndState;
  message: string;
}

export interface HistoryEntry {
  index: number;
  title: string;
  task: string;
  state: Exclude<RunState, "empty">;
}

/** Buffers: a thumbnail for each entry; empty where there is none yet. */
export interface History {
  kind: "history";
  entries: HistoryEntry[];
  shown: number | null;
  whole: boolean;
}

export type OfRun = Begin | LiveFrame | Recorded | Heats | End;
/** Text for the clipboard, which only the browser can reach. */
export interface Copy {
  kind: "copy";
  text: string;
}

/** Asks for the answer "settled" with the same number. */
export interface Settle {
  kind: "settle";
  press: number;
}

export type Incoming = OfRun | History | Copy | Settle | { kind: "blank" };

export type Outgoing =
  | { kind: "hello" }
  | { kind: "ack"; sequence: number }
  | { kind: "step" | "branch"; step: number }
  | { kind: "heat"; on: boolean }
  | { kind: "show"; index: number }
  | { kind: "settled"; press: number };

export interface State {
  display_side: number;
  label: string;
  branching: boolean;
  device: string;
}

export type ViewModel = WidgetModel<State, Incoming, Outgoing>;
export type ViewLine = Line<State, Incoming, Outgoing>;
