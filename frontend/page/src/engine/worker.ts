/** The worker that computes runs, one at a time; the newest request wins. */
import type { ModelLoaded, RunEnded, RunRequest, RunState } from "@robust-widgets/shared/session";
import type { Manifest } from "../manifest";
import { download } from "./download";
import { reportOf } from "./errors";
import { Graphs } from "./graphs";
import type { FromWorker, ToWorker } from "./messages";
import { isKnown } from "./problems";
import { runRequest } from "./run";
import type { Provider } from "./runtime";
import { Seeds } from "./seeds";

interface Engine {
  readonly manifest: Manifest;
  readonly graphs: Graphs;
  readonly seeds: Seeds | null;
}

/** A channel to itself: what is sent through it comes after the messages that are there. */
const { port1, port2 } = new MessageChannel();
let waiting: () => void = () => undefined;
port2.onmessage = () => waiting();

const post = (message: FromWorker) => self.postMessage(message);
let engine: Promise<Engine> | null = null;
/** Of the newest request; a run with another number stops. */
let newest = 0;
/** The run that is being computed, or the one before. */
let running: Promise<void> = Promise.resolve();

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "open") {
    engine = open(data.manifest, data.base, data.compute ?? null);
    engine.catch(() => undefined); // reported by `open`
  } else if (data.kind === "cancel") {
    newest = 0;
  } else {
    newest = data.run;
    const { run, request } = data;
    running = running.then(() => work(run, request));
  }
});

async function open(manifest: Manifest, base: string, wanted: Provider | null): Promise<Engine> {
  try {
    const graphs = new Graphs(manifest, base, (device) => post({ kind: "device", device }));
    const task = manifest.tasks.find(({ name }) => name === manifest.task && isKnown(name));
    const first = task?.uses[0]?.structure;
    const [seeds, device] = await Promise.all([loadSeeds(manifest, base), graphs.start(first, wanted)]);
    post({ kind: "loaded", device, loaded: { message: "", code: "", values: {}, details: "" } });
    return { manifest, graphs, seeds };
  } catch (error) {
    post({ kind: "loaded", device: "", loaded: reportOf(error, "The model could not be loaded") });
    throw error;
  }
}

async function loadSeeds({ seeds, contents }: Manifest, base: string): Promise<Seeds | null> {
  if (!seeds) return null;
  const { buffer } = await download(new URL(seeds.file, base), contents?.[seeds.file]);
  return new Seeds(buffer, seeds);
}

async function work(run: number, request: RunRequest): Promise<void> {
  const end = (state: RunState, reason: ModelLoaded = { message: "", code: "", values: {}, details: "" }) => {
    const ended: RunEnded = { kind: "ended", run, state, ...reason };
    post(ended);
  };
  if (run !== newest) {
    end("stopped");
    return;
  }
  try {
    if (!engine) throw new Error("there is no model");
    const { manifest, graphs, seeds } = await engine;
    const isDone = await runRequest(manifest, graphs, seeds, request, {
      started: (steps, description) => post({ kind: "started", run, steps, description }),
      frame: (frame) => post({ kind: "frame", run, frame }),
      isStopped: async () => {
        await messages();
        return run !== newest;
      },
    });
    end(isDone ? "done" : "stopped");
  } catch (error) {
    end("failed", reportOf(error, "The run failed"));
  }
}

/** Waits until the messages that have arrived are handled. */
function messages(): Promise<void> {
  return new Promise((resolve) => {
    waiting = resolve;
    port1.postMessage(null);
  });
}
