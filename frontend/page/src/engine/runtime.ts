/** ONNX Runtime: its own files, and the sessions that it makes, with WebAssembly or on a GPU. */
import type { InferenceSession } from "onnxruntime-web";
import type { Manifest } from "../manifest";
import { cut, download } from "./download";
import { UserError } from "./errors";

/** What computes the steps. */
export type Provider = "wasm" | "webgpu";

/** A value of a graph's input. */
export interface Feed {
  readonly type: "float32" | "int64" | "bool";
  readonly data: Float32Array | BigInt64Array | Uint8Array;
  readonly shape: readonly number[];
}

export type Feeds = Readonly<Record<string, Feed>>;

/** A graph that can be run. */
export interface GraphSession {
  run(feeds: Feeds): Promise<Readonly<Record<string, { readonly data: unknown }>>>;
  release(): Promise<void>;
}

/** ONNX Runtime as it was loaded. */
export interface Runtime {
  /** How it computes, in words. */
  deviceOf(provider: Provider): string;
  create(provider: Provider, graph: Uint8Array, weights: Uint8Array): Promise<GraphSession>;
}

/** What the graphs call the file with their constants, which only exists here. */
const WEIGHTS = "weights";
/** The runtime that can use a GPU is larger, and needs a browser whose WebAssembly can wait (JSPI). */
const FILES: Readonly<Record<Provider, string>> = {
  wasm: "ort-wasm-simd-threaded",
  webgpu: "ort-wasm-simd-threaded.jspi",
};
/** One processor stays free for the page itself. */
const MOST_THREADS = 4;

/** Loads the runtime that has a provider; throws where it cannot compute here. */
export async function loadRuntime(
  provider: Provider,
  { contents }: Pick<Manifest, "contents">,
  base: string,
): Promise<Runtime> {
  if (!("WebAssembly" in globalThis)) {
    throw new UserError("no-wasm", "This browser has no WebAssembly, which computes the steps; use a current browser.");
  }
  const [moduleName, binaryName] = [`${FILES[provider]}.mjs`, `${FILES[provider]}.wasm`];
  const module = new URL(moduleName, base);
  // The runtime would say nothing of a download that is cut.
  const [ort, binary] = await Promise.all([
    provider === "webgpu"
      ? import(/* webpackChunkName: "jspi" */ "onnxruntime-web/jspi")
      : import(/* webpackChunkName: "wasm" */ "onnxruntime-web/wasm"),
    download(new URL(binaryName, base), contents?.[binaryName]),
    download(module, contents?.[moduleName]),
  ]).catch((error: unknown) => {
    throw startError(error, moduleName);
  });
  const free = Math.max(navigator.hardwareConcurrency - 1, 1);
  const threads = globalThis.crossOriginIsolated ? Math.min(free, MOST_THREADS) : 1;
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = binary.buffer;
  ort.env.wasm.wasmPaths = { mjs: module.href };
  const onProcessor = threads === 1 ? "WebAssembly" : `WebAssembly, ${threads} threads`;

  const create = async (provider: Provider, graph: Uint8Array, weights: Uint8Array): Promise<GraphSession> => {
    const options: InferenceSession.SessionOptions = {
      executionProviders: [provider],
      externalData: [{ path: WEIGHTS, data: weights }],
      logSeverityLevel: 3, // errors: a GPU leaves some operations to the processor
    };
    const session = await ort.InferenceSession.create(graph, options).catch((error: unknown) => {
      throw startError(error, moduleName);
    });
    const device = provider === "webgpu" ? await (ort.env.webgpu.device as Promise<GPUDevice | undefined>) : undefined;
    const lost = device ? loss(device) : null;
    return {
      run: (feeds) => {
        const tensors = Object.entries(feeds).map(([name, { type, data, shape }]) => [
          name,
          new ort.Tensor(type as "float32", data as Float32Array, shape),
        ]);
        const results = session.run(Object.fromEntries(tensors) as InferenceSession.FeedsType);
        return lost ? Promise.race([results, lost]) : results;
      },
      release: () => session.release(),
    };
  };
  return { deviceOf: (provider) => (provider === "webgpu" ? "WebGPU" : onProcessor), create };
}

/** Rejects when a GPU is lost: what waits for it may wait for ever. */
function loss(device: GPUDevice): Promise<never> {
  const lost = device.lost.then(({ message, reason }): never => {
    throw new Error(`the GPU was lost: ${message || reason}`);
  });
  lost.catch(() => undefined); // of interest only to a step
  return lost;
}

/** What the runtime throws while it starts, as a sentence where there is one. */
function startError(error: unknown, module: string): unknown {
  const reason = error instanceof Error ? error.message : String(error);
  if (/import(ed|ing)? (a )?module|module script|loading chunk/i.test(reason)) return cut(module);
  if (/SIMD is not supported/i.test(reason)) {
    const words = "This browser's WebAssembly has no vectors (SIMD), which compute the steps; use a current browser.";
    return new UserError("no-simd", words);
  }
  return error;
}
