import type { Buffers, WidgetModel } from "../src/model";

type Handler<Incoming> = (content: Incoming, buffers: Buffers) => void;

/** An anywidget model whose kernel is a list of what was sent. */
export class FakeModel<State extends object, Incoming, Outgoing> implements WidgetModel<State, Incoming, Outgoing> {
  readonly sent: Outgoing[] = [];
  readonly sentBuffers: ArrayBuffer[][] = [];
  /** A dead kernel refuses every message. */
  isDead = false;
  saved = 0;
  private readonly handlers = new Map<string, Set<Handler<Incoming>>>();

  constructor(readonly state: State) {}

  get<Name extends keyof State>(name: Name): State[Name] {
    return this.state[name];
  }

  set<Name extends keyof State>(name: Name, value: State[Name]): void {
    this.state[name] = value;
    this.emit(`change:${String(name)}`);
  }

  save_changes(): void {
    this.saved++;
  }

  on(event: string, handler: Handler<Incoming>): void {
    const handlers = this.handlers.get(event) ?? new Set();
    this.handlers.set(event, handlers.add(handler));
  }

  off(event: string, handler: Handler<Incoming>): void {
    this.handlers.get(event)?.delete(handler);
  }

  send(content: Outgoing, _?: undefined, buffers: ArrayBuffer[] = []): void {
    if (this.isDead) throw new Error("there is no kernel");
    this.sent.push(content);
    this.sentBuffers.push(buffers);
  }

  /** A message from the kernel; each text stands for a picture. */
  receive(content: Incoming, ...pictures: string[]): void {
    const buffers = pictures.map((text) => new DataView(new TextEncoder().encode(text).buffer));
    this.emit("msg:custom", content, buffers);
  }

  emit(event: string, content?: Incoming, buffers: Buffers = []): void {
    for (const handler of [...(this.handlers.get(event) ?? [])]) handler(content as Incoming, buffers);
  }

  /** How many handlers are registered. */
  get listenerCount(): number {
    return [...this.handlers.values()].reduce((count, handlers) => count + handlers.size, 0);
  }

  /** The messages since the last call. */
  takeSent(): Outgoing[] {
    return this.sent.splice(0);
  }
}
