/** ONNX Runtime: its own files, and how it computes here. */
import * as ort from "onnxruntime-web/wasm";
import type { Manifest } from "../manifest";
import { cut, download } from "./download";
import { UserError } from "./errors";

const MODULE = "ort-wasm-simd-threaded.mjs";
const BINARY = "ort-wasm-simd-threaded.wasm";
/** One processor stays free for the page itself. */
const MOST_THREADS = 4;

/** Loads ONNX Runtime's files, and sets how it computes. Returns that in words. Throws where it cannot compute. */
export async function prepareRuntime({ contents }: Pick<Manifest, "contents">, base: string): Promise<string> {
  if (!("WebAssembly" in globalThis)) {
    throw new UserError("no-wasm", "This browser has no WebAssembly, which computes the steps; use a current browser.");
  }
  const free = Math.max(navigator.hardwareConcurrency - 1, 1);
  const threads = globalThis.crossOriginIsolated ? Math.min(free, MOST_THREADS) : 1;
  const module = new URL(MODULE, base);
  // The runtime would say nothing of a download that is cut.
  const [binary] = await Promise.all([
    download(new URL(BINARY, base), contents?.[BINARY]),
    download(module, contents?.[MODULE]),
  ]);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = binary.buffer;
  ort.env.wasm.wasmPaths = { mjs: module.href };
  return threads === 1 ? "WebAssembly" : `WebAssembly, ${threads} threads`;
}

/** What the runtime throws while it starts, as a sentence where there is one. */
export function startError(error: unknown): unknown {
  const reason = error instanceof Error ? error.message : String(error);
  if (/import(ed|ing)? (a )?module|module script/i.test(reason)) return cut(MODULE);
  if (/SIMD is not supported/i.test(reason)) {
    const words = "This browser's WebAssembly has no vectors (SIMD), which compute the steps; use a current browser.";
    return new UserError("no-simd", words);
  }
  return error;
}
