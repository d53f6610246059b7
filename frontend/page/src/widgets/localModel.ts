/** The model of a widget whose other side is on the same page: as anywidget's, without a kernel. */
import type { Buffers, WidgetModel } from "@robust-widgets/shared/model";

type Handler<Incoming> = (content: Incoming, buffers: Buffers) => void;

export class LocalModel<State extends object, Incoming, Outgoing> implements WidgetModel<State, Incoming, Outgoing> {
  /** Called with each message of the widget. What it throws is not the widget's to know. */
  receive: (content: Outgoing, buffers: ArrayBuffer[]) => void = () => undefined;
  private readonly handlers = new Map<string, Set<Handler<Incoming>>>();

  constructor(private readonly state: State) {}

  get<Name extends keyof State>(name: Name): State[Name] {
    return this.state[name];
  }

  set<Name extends keyof State>(name: Name, value: State[Name]): void {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.emit(`change:${String(name)}`);
  }

  /** Does nothing: there is only one copy of the state. */
  save_changes(): void {
    return;
  }

  on(event: string, handler: Handler<Incoming>): void {
    const handlers = this.handlers.get(event) ?? new Set();
    this.handlers.set(event, handlers.add(handler));
  }

  off(event: string, handler: Handler<Incoming>): void {
    this.handlers.get(event)?.delete(handler);
  }

  send(content: Outgoing, _?: undefined, buffers: ArrayBuffer[] = []): void {
    this.receive(content, buffers);
  }

  /** Sends a message to the widget. */
  post(content: Incoming, pictures: readonly Uint8Array<ArrayBuffer>[] = []): void {
    const buffers = pictures.map(({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength));
    this.emit("msg:custom", content, buffers);
  }

  private emit(event: string, content?: Incoming, buffers: Buffers = []): void {
    for (const handler of [...(this.handlers.get(event) ?? [])]) handler(content as Incoming, buffers);
  }
}
