/** The state that the class picker shares with Python, and the messages between them. */
import type { WidgetModel } from "@robust-widgets/shared/model";

export interface State {
  /** All classes, in the order of the logits. */
  names: string[];
  /** Indices of the classes that match the search, best first. */
  matching: number[];
  search: string;
  /** The selected class; empty if there is none. */
  selected: string;
  /** A sentence about the search; empty if there is nothing to say. */
  hint: string;
  /** The pictures of all classes in one JPEG, row by row; empty if there are none yet. */
  sheet: DataView<ArrayBuffer>;
  columns: number;
  /** Whether Python can have pictures painted that are not there yet. */
  painting: boolean;
}

/** Its buffer is a JPEG. */
export interface PictureMessage {
  kind: "picture";
  index: number;
}

export type Outgoing = { kind: "hello" } | { kind: "want"; classes: number[] };

export type Model = WidgetModel<State, PictureMessage, Outgoing>;
