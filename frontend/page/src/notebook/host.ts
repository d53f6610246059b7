/** Computes the runs of a notebook's studio in this browser; the kernel asks for them, and gets every frame. */
import type { Buffers, WidgetModel } from "@robust-widgets/shared/model";
import type { RunEvent, Session } from "@robust-widgets/shared/session";
import type { Manifest } from "../manifest";
import { Files } from "./files";
import { arraysOf, bytesOf, type FromKernel, type Outgoing, requestOf, type ToKernel } from "./messages";

/** How often the kernel hears that the page is there. */
const ALIVE_MS = 10_000;
/** A studio that is moved to a tab is shown there a moment after it is gone from its cell. */
const MOVE_MS = 2_000;

export interface State {
  version: string;
}

export type Model = WidgetModel<State, FromKernel, Outgoing>;

/** What the host works with; tests have others. */
export interface Parts {
  /** The address of the engine's files; rejects with a sentence. */
  findEngine(version: string): Promise<string>;
  openSession(manifest: Manifest, base: string): Session;
}

export class Host {
  private readonly page = randomName();
  private readonly closed = new AbortController();
  private readonly files = new Files();
  private session: Session | null = null;
  private base = "";
  private current = 0;
  private views = 0;
  private arriving: Promise<void> = Promise.resolve();

  constructor(
    private readonly model: Model,
    private readonly parts: Parts,
    private readonly onClose: () => void = () => undefined,
  ) {
    const { signal } = this.closed;
    model.on("msg:custom", this.receive);
    const timer = window.setInterval(() => this.send({ kind: "alive", answers: 0 }), ALIVE_MS);
    signal.addEventListener("abort", () => window.clearInterval(timer));
    window.addEventListener("pagehide", () => this.send({ kind: "bye" }), { signal });
    // Shown again from the browser's memory, after it went to another page and back.
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.greet(), { signal });
    this.greet();
    void this.prepare();
  }

  /** Another view of the studio is there. */
  show(): void {
    this.views++;
  }

  /** A view is gone; with the last one, the page computes no more. */
  hide(): void {
    this.views--;
    window.setTimeout(() => {
      if (this.views === 0 && !this.closed.signal.aborted) this.close();
    }, MOVE_MS);
  }

  close(): void {
    this.closed.abort();
    this.send({ kind: "bye" });
    this.model.off("msg:custom", this.receive);
    this.session?.close();
    this.files.close();
    this.onClose();
  }

  private greet(): void {
    this.send({ kind: "hello" });
    if (this.session && !this.session.loading) this.send({ kind: "loaded", message: "", details: "" });
  }

  private async prepare(): Promise<void> {
    try {
      this.base = await this.parts.findEngine(this.model.get("version"));
      this.send({ kind: "files" });
    } catch (error) {
      this.refuse(error);
    }
  }

  private refuse(error: unknown): void {
    const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    this.send({ kind: "loaded", message, details: stack });
  }

  private readonly receive = (message: FromKernel, buffers: Buffers): void => {
    if (message.page !== this.page) return;
    if (message.kind === "file") {
      this.arriving = this.arriving
        .then(() => this.take(message, buffers))
        .catch((error: unknown) => this.refuse(error));
    } else if (message.kind === "run") {
      this.run(message, buffers);
    } else if (message.kind === "ping") {
      this.send({ kind: "alive", answers: message.id });
    } else if (message.id === this.current) {
      this.session?.cancel();
    }
  };

  private async take(file: FromKernel & { kind: "file" }, [data]: Buffers): Promise<void> {
    if (!data || this.session || this.closed.signal.aborted) return;
    await this.files.add(file.name, bytesOf(data), file.gzip);
    if (this.files.count < file.count) return;
    this.session = this.parts.openSession(this.files.open(), this.base);
    this.session.onLoaded(({ message, details }) => this.send({ kind: "loaded", message, details }));
  }

  private run(message: FromKernel & { kind: "run" }, buffers: Buffers): void {
    const { id } = message;
    this.current = id;
    this.session?.submit(requestOf(message, buffers), (event) => this.report(id, event));
  }

  private report(id: number, event: RunEvent): void {
    if (event.kind === "started") {
      this.send({ kind: "begun", id });
    } else if (event.kind === "frame") {
      const { step, seconds } = event.frame;
      const { arrays, buffers } = arraysOf(event.frame);
      this.send({ kind: "frame", id, step, seconds }, arrays, buffers);
    } else {
      const { state, message, details } = event;
      this.send({ kind: "ended", id, state, message, details });
    }
  }

  private send(message: ToKernel, arrays: Outgoing["arrays"] = {}, buffers?: ArrayBuffer[]): void {
    try {
      this.model.send({ ...message, page: this.page, arrays }, undefined, buffers);
    } catch {
      this.session?.cancel(); // the kernel is gone
    }
  }
}

/** `crypto.randomUUID` is only for pages that were encrypted on their way. */
function randomName(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
