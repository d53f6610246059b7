/** The part of anywidget's front-end interface that the widgets use. */

export type Buffers = DataView<ArrayBuffer>[];

export interface WidgetModel<State, Incoming, Outgoing> {
  get<Name extends keyof State>(name: Name): State[Name];
  set<Name extends keyof State>(name: Name, value: State[Name]): void;
  save_changes(): void;
  on(event: "msg:custom", handler: (content: Incoming, buffers: Buffers) => void): void;
  on(event: `change:${keyof State & string}` | "comm_live_update", handler: () => void): void;
  off(event: "msg:custom", handler: (content: Incoming, buffers: Buffers) => void): void;
  off(event: `change:${keyof State & string}` | "comm_live_update", handler: () => void): void;
  send(content: Outgoing, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
}

export interface RenderContext<Model> {
  model: Model;
  el: HTMLElement;
}
