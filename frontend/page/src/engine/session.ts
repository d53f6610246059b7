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
import { cut } from "./download";
import { reportOf } from "./errors";
import type { FromWorker, ToWorker } from "./messages";
import type { Provider } from "./runtime";

const ENGINE = "engine.js";
const SILENT = { message: "", code: "", values: {}, details: "" } as const;
const CRASHED: ModelLoaded = {
  ...SILENT,
  message:
    "The computation stopped, perhaps because the browser is short of memory; run again, or close other tabs first.",
  code: "crashed",
};

export class WorkerSession implements Session {
  private worker: Worker | null = null;
  private device = "";
  private loaded: ModelLoaded | null = null;
  private loadedListeners: ((loaded: ModelLoaded) => void)[] = [];
  private readonly listeners = new Map<number, RunListener>();
  private runs = 0;
  private isClosed = false;
  /** Called when the model is being loaded once more; `onLoaded` then tells of that. */
  onRestart: () => void = () => undefined;
  /** Called when something else computes from now on, such as WebAssembly after the GPU was lost. */
  onDevice: () => void = () => undefined;

  constructor(
    readonly manifest: Manifest,
    private readonly base: string,
    private readonly compute: Provider | null = null,
  ) {
    this.start();
  }

  /** The session of a page. Rejects with a sentence if the page's manifest cannot be read.
   *
   * @param compute what should compute; null for what is faster */
  static async open(base: string = document.baseURI, compute: Provider | null = null): Promise<WorkerSession> {
    return new WorkerSession(await loadManifest(base), base, compute);
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
    this.retry();
    if (this.loading) this.endAll("stopped", SILENT);
    const run = ++this.runs;
    this.listeners.set(run, listener);
    this.send({ kind: "run", run, request });
    return run;
  }

  /** Loads the model again, if it could not be loaded or its computation ended. */
  retry(): void {
    if (this.worker || this.isClosed) return;
    this.start();
    this.onRestart();
  }

  cancel(): void {
    if (this.loading) this.endAll("stopped", SILENT); // the worker answers when it is loaded
    this.send({ kind: "cancel" });
  }

  close(): void {
    this.isClosed = true;
    this.stop();
    this.endAll("stopped", SILENT);
  }

  private start(): void {
    const worker = new Worker(new URL(ENGINE, this.base), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.receive(data));
    // An error without a message is of the worker's file: it could not be loaded.
    worker.addEventListener("error", ({ message }: Partial<ErrorEvent>) =>
      this.ended(message === undefined ? reportOf(cut(ENGINE), "") : { ...CRASHED, details: message }),
    );
    this.worker = worker;
    this.loaded = null;
    this.device = "";
    this.send({ kind: "open", manifest: this.manifest, base: this.base, compute: this.compute });
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
      if (message.loaded.message) this.ended(message.loaded);
      else this.report(message.loaded);
      return;
    }
    if (message.kind === "device") {
      this.device = message.device;
      this.onDevice();
      return;
    }
    const listener = this.listeners.get(message.run);
    if (message.kind === "ended") {
      this.listeners.delete(message.run);
      if (message.code === "memory") this.stop(); // what it holds is given back
    }
    listener?.(message);
  }

  private report(loaded: ModelLoaded): void {
    this.loaded = loaded;
    const listeners = this.loadedListeners;
    this.loadedListeners = [];
    for (const listener of listeners) listener(loaded);
  }

  /** The worker is of no use any more; the next run starts another. */
  private ended(reason: ModelLoaded): void {
    this.stop();
    if (!this.loaded) this.report(reason);
    this.endAll("failed", reason);
  }

  private endAll(state: RunState, reason: ModelLoaded): void {
    const open = [...this.listeners];
    this.listeners.clear();
    for (const [run, listener] of open) listener({ kind: "ended", run, state, ...reason });
  }
}
