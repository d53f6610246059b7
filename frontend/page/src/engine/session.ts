/** A session whose runs are computed by this browser, in a worker. */
import type {
  ModelInfo,
  ModelLoaded,
  RunListener,
  RunRequest,
  RunState,
  Session,
} from "@robust-widgets/shared/session";
import { type Manifest, loadManifest } from "../manifest";
import type { FromWorker, ToWorker } from "./messages";

const CRASHED =
  "The computation stopped, perhaps because the browser is short of memory; run again, or close other tabs first.";

export class WorkerSession implements Session {
  private worker: Worker | null = null;
  private device = "";
  private loaded: ModelLoaded | null = null;
  private loadedListeners: ((loaded: ModelLoaded) => void)[] = [];
  private readonly listeners = new Map<number, RunListener>();
  private runs = 0;
  private isClosed = false;

  constructor(
    readonly manifest: Manifest,
    private readonly base: string,
  ) {
    this.start();
  }

  /** The session of a page. Rejects with a sentence if the page's manifest cannot be read. */
  static async open(base: string = document.baseURI): Promise<WorkerSession> {
    return new WorkerSession(await loadManifest(base), base);
  }

  get model(): ModelInfo {
    return { ...this.manifest.model, device: this.device };
  }

  get loading(): boolean {
    return this.loaded === null;
  }

  onLoaded(listener: (loaded: ModelLoaded) => void): void {
    const { loaded } = this;
    if (loaded) queueMicrotask(() => listener(loaded));
    else this.loadedListeners.push(listener);
  }

  submit(request: RunRequest, listener: RunListener): number {
    if (this.isClosed) throw new Error("This session is closed; reload the page to run again.");
    if (!this.worker) this.start();
    if (this.loading) this.endAll("stopped", "");
    const run = ++this.runs;
    this.listeners.set(run, listener);
    this.send({ kind: "run", run, request });
    return run;
  }

  cancel(): void {
    if (this.loading) this.endAll("stopped", ""); // the worker answers when it is loaded
    this.send({ kind: "cancel" });
  }

  close(): void {
    this.isClosed = true;
    this.stop();
    this.endAll("stopped", "");
  }

  private start(): void {
    const worker = new Worker(new URL("engine.js", this.base), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.receive(data));
    worker.addEventListener("error", (event) => this.crashed(event.message));
    this.worker = worker;
    this.send({ kind: "open", manifest: this.manifest, base: this.base });
  }

  private stop(): void {
    this.worker?.terminate();
    this.worker = null;
  }

  private send(message: ToWorker): void {
    this.worker?.postMessage(message);
  }

  private receive(message: FromWorker): void {
    if (message.kind === "loaded") {
      this.device = message.device;
      this.report(message.loaded);
      return;
    }
    const listener = this.listeners.get(message.run);
    if (message.kind === "ended") this.listeners.delete(message.run);
    listener?.(message);
  }

  private report(loaded: ModelLoaded): void {
    this.loaded = loaded;
    const listeners = this.loadedListeners;
    this.loadedListeners = [];
    for (const listener of listeners) listener(loaded);
  }

  /** The worker is gone; the next run starts another. */
  private crashed(details: string): void {
    this.stop();
    if (!this.loaded) this.report({ message: CRASHED, code: "crashed", values: {}, details });
    this.endAll("failed", CRASHED, details);
  }

  private endAll(state: RunState, message: string, details = ""): void {
    const code = message && "crashed";
    const open = [...this.listeners];
    this.listeners.clear();
    for (const [run, listener] of open) listener({ kind: "ended", run, state, message, code, values: {}, details });
  }
}
