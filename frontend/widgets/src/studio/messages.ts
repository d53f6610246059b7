/** The state that the start panel shares with Python, and the messages between them. */
import type { WidgetModel } from "@robust-widgets/shared/model";

export interface State {
  /** Names of the sketches on offer. */
  sketches: string[];
  /** Whether a photograph is on offer, too. */
  photograph: boolean;
  folded: boolean;
}

/** All sketches side by side; its buffer is a JPEG. */
export interface SheetMessage {
  kind: "sheet";
}

export type Outgoing =
  { kind: "hello" } | { kind: "example"; name: string } | { kind: "photograph" } | { kind: "surprise" };

export type Model = WidgetModel<State, SheetMessage, Outgoing>;
