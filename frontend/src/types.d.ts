/** The part of anywidget's front-end interface that the widgets use, and the messages that travel over it. */

interface WidgetModel<State, Incoming, Outgoing> {
  get<Name extends keyof State>(name: Name): State[Name];
  on(event: "msg:custom", handler: (content: Incoming, buffers: DataView<ArrayBuffer>[]) => void): void;
  on(event: `change:${keyof State & string}`, handler: () => void): void;
  off(event: "msg:custom", handler: (content: Incoming, buffers: DataView<ArrayBuffer>[]) => void): void;
  off(event: `change:${keyof State & string}`, handler: () => void): void;
  send(content: Outgoing, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
}

interface RenderContext<Model> {
  model: Model;
  el: HTMLElement;
}

/* ---- pad.js ---- */

type PadTool = "brush" | "eraser" | "fill" | "eyedropper";
type PadAction = "undo" | "redo" | "run" | "stop" | "smaller" | "larger" | PadTool;
/** x, y in raster units, pressure 0..1 */
type PadPoint = [number, number, number];

interface PadState {
  side: number;
  display_side: number;
  tool: PadTool;
  color: string;
  brush_size: number;
  softness: number;
  label: string;
}

type PadIncoming = { kind: "painted"; id: number } | { kind: "clear" };

type PadOutgoing =
  | { kind: "hello" }
  | { kind: "stroke"; id: number; phase: "begin" | "move" | "end"; points: PadPoint[] }
  | { kind: "fill" | "pick"; point: [number, number] }
  | { kind: "action"; name: PadAction }
  | { kind: "picture"; name: string; type: string }
  | { kind: "refused"; name: string; reason: string };

type PadModel = WidgetModel<PadState, PadIncoming, PadOutgoing>;

/* ---- view.js ---- */

type EndState = "done" | "stopped" | "failed";
type RunState = "empty" | "running" | EndState;

interface ViewState {
  display_side: number;
  label: string;
}

interface ViewBegin {
  kind: "begin";
  run: number;
  steps: number;
  title: string;
}

interface ViewFrame {
  kind: "frame";
  run: number;
  sequence: number;
  step: number;
  loss: number | null;
  probability: number | null;
  rate: number | null;
  left: number | null;
}

interface ViewRecord {
  kind: "record";
  run: number;
  steps: number[];
  loss: (number | null)[];
  probability: (number | null)[];
  title: string;
  state: EndState;
}

interface ViewEnd {
  kind: "end";
  run: number;
  state: EndState;
  message: string;
}

/** One step that the view has seen. */
interface ViewEntry {
  step: number;
  loss: number | null;
  probability: number | null;
}

/** A picture to paint; live frames have a sequence number to acknowledge. */
interface ViewJob {
  blob: Blob;
  step: number;
  sequence: number | null;
}

type ViewIncoming = ViewBegin | ViewFrame | ViewRecord | ViewEnd | { kind: "blank" };

type ViewOutgoing = { kind: "hello" } | { kind: "ack"; sequence: number } | { kind: "step"; step: number };

type ViewModel = WidgetModel<ViewState, ViewIncoming, ViewOutgoing>;
