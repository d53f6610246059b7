/** The state that the start panel shares with Python, and the messages between them. */
import type { WidgetModel } from "@robust-widgets/shared/model";

export interface State {
  /** Names of the sketches on offer. */
  sketches: string[];
  /** Whether a photograph is on offer, too. */
  photograph: boolean;
  folded: boolean;
}

/** A sheet is all sketches side by side; its buffer is a JPEG. A pong answers the ping of its number. */
export type Incoming = { kind: "sheet" } | { kind: "pong"; number: number };

export type Outgoing =
  | { kind: "hello" }
  | { kind: "ping"; number: number }
  | { kind: "example"; name: string }
  | { kind: "photograph" }
  | { kind: "surprise" };

export type Model = WidgetModel<State, Incoming, Outgoing>;
