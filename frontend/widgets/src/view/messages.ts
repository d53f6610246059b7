/** The messages between the view and the kernel. */
import type { Connection } from "@robust-widgets/shared/connection";
import type { Curves, StepNumbers, Value } from "@robust-widgets/shared/curves";
import type { WidgetModel } from "@robust-widgets/shared/model";

export type EndState = "done" | "stopped" | "failed";
export type RunState = "empty" | "running" | EndState;

export interface Begin {
  kind: "begin";
  run: number;
  steps: number;
  title: string;
  classes: string[];
  radius: Value;
  /** The steps so far, for a view that opens during the run. */
  curves: Curves | null;
}

/** Buffers: the picture and, if it is wanted, the gradient's magnitude. */
export interface LiveFrame extends StepNumbers {
  kind: "frame";
  run: number;
  sequence: number;
  /** Steps a second. */
  rate: Value;
  /** Seconds. */
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

/** Buffers: the gradient's magnitude at each recorded step, empty if unknown. */
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
  /** The run that it was branched from, and at which step. */
  parent?: number | null;
  step?: number | null;
}

/** Buffers: a thumbnail for each entry, empty if there is none yet. */
export interface HistoryMessage {
  kind: "history";
  entries: HistoryEntry[];
  shown: number | null;
  whole: boolean;
}

export type RunMessage = Begin | LiveFrame | Recorded | Heats | End;

/** Text for the clipboard, which only the browser can write. */
export interface Copy {
  kind: "copy";
  text: string;
}

/** Asks for a "flushed" message with the same number. */
export interface Flush {
  kind: "flush";
  press: number;
}

export type Incoming = RunMessage | HistoryMessage | Copy | Flush | { kind: "blank" };

export type Outgoing =
  | { kind: "hello" }
  | { kind: "ack"; sequence: number }
  | { kind: "step" | "branch"; step: number }
  | { kind: "heat"; on: boolean }
  | { kind: "show"; index: number }
  | { kind: "flushed"; press: number };

export interface State {
  display_side: number;
  label: string;
  branching: boolean;
  device: string;
}

export type ViewModel = WidgetModel<State, Incoming, Outgoing>;
export type ViewConnection = Connection<State, Incoming, Outgoing>;
