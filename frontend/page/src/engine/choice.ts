/**
 * Whether a GPU computes the steps: where there is one, its first steps agree with those of WebAssembly, and they take
 * less time. That is measured once for a model, a browser and a GPU, and kept in the browser's storage.
 */
import type { InputDeclaration, Manifest } from "../manifest";
import { sizeOf } from "./arrays";
import { Generator } from "./random";
import type { Feed, Feeds, GraphSession, Provider } from "./runtime";

/** Of a step's length, and of its numbers: how far two providers may differ. As `step_graph.py`. */
const TOLERANCE = 0.05;
const CLOSE = 1e-2;
/** The first step compiles; the others are timed, unless the GPU is wanted anyway. */
const STEPS = 4;
const STEPS_UNTIMED = 2;
/** A GPU has to gain this much. */
const GAIN = 0.95;
const STORE = "robust-studio measurements";
/** A browser whose GPU does not answer has none. */
const PATIENCE_MS = 3000;

/** What may compute, before anything is measured. */
export interface Candidate {
  readonly provider: Provider;
  /** Names the model, the browser and its GPU; empty if there is nothing to measure. */
  readonly key: string;
}

/** The GPU, if it may be of use and is not known to be slower.
 *
 * @param wanted what an address asks for; null for whatever is faster */
export async function candidateOf(manifest: Manifest, wanted: Provider | null): Promise<Candidate> {
  const none: Candidate = { provider: "wasm", key: "" };
  if (wanted === "wasm" || !("WebAssembly" in globalThis) || !("Suspending" in WebAssembly)) return none;
  const adapter = await adapterOf();
  if (!adapter) return none;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  if (isFallbackAdapter && wanted !== "webgpu") return none; // a processor that plays a GPU
  const { model, madeBy } = manifest;
  const names = [vendor, architecture, device, description, navigator.userAgent, navigator.hardwareConcurrency];
  const key = JSON.stringify([madeBy, model.fingerprint, globalThis.crossOriginIsolated, ...names]);
  const known = wanted === "webgpu" ? null : await recall(key);
  if (known === "wasm") return none;
  return { provider: "webgpu", key: known === "webgpu" ? "" : key };
}

async function adapterOf(): Promise<GPUAdapter | null> {
  const gpu = navigator.gpu as GPU | undefined;
  if (!gpu) return null;
  const none = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS));
  return Promise.race([gpu.requestAdapter().catch(() => null), none]);
}

/** What was measured before; null for nothing. */
async function recall(key: string): Promise<Provider | null> {
  try {
    const measured = await (await caches.open(STORE)).match(addressOf(key));
    const provider = await measured?.text();
    return provider === "webgpu" || provider === "wasm" ? provider : null;
  } catch {
    return null; // a browser that stores nothing
  }
}

/** Keeps what was measured, where the browser allows it. */
export async function remember(key: string, provider: Provider): Promise<void> {
  try {
    await (await caches.open(STORE)).put(addressOf(key), new Response(provider));
  } catch (error) {
    console.info("robust-widgets: what was measured is not kept", error);
  }
}

const addressOf = (key: string): string => new URL(`?measured=${encodeURIComponent(key)}`, self.location.href).href;

/** Which of two sessions of a step should compute.
 *
 * @param isWanted the GPU, even if it is slower
 * @throws what a step throws */
export async function compare(
  gpu: GraphSession,
  processor: GraphSession,
  inputs: readonly InputDeclaration[],
  isWanted: boolean,
  clock: () => number = () => performance.now(),
): Promise<Provider> {
  const fixed = sample(inputs);
  const own = fixed["x"];
  if (!own) throw new Error("The step has no pictures.");
  let x = own;
  const times = { gpu: Infinity, processor: Infinity };
  const timed = async (name: keyof typeof times, session: GraphSession, step: number) => {
    const began = clock();
    const results = await session.run({ ...fixed, x });
    if (step) times[name] = Math.min(times[name], clock() - began);
    return { next: floats(results, "x_next"), numbers: floats(results, "numbers") };
  };
  for (let step = 0; step < (isWanted ? STEPS_UNTIMED : STEPS); step++) {
    const expected = await timed("processor", processor, step);
    const actual = await timed("gpu", gpu, step);
    const moved = length(expected.next, x.data as Float32Array);
    if (!(length(actual.next, expected.next) <= TOLERANCE * moved)) return "wasm";
    const isClose = expected.numbers.every((value, place) => {
      return Math.abs((actual.numbers[place] ?? NaN) - value) <= CLOSE * (1 + Math.abs(value));
    });
    if (!isClose) return "wasm";
    x = { ...x, data: expected.next };
  }
  return isWanted || times.gpu < GAIN * times.processor ? "webgpu" : "wasm";
}

/** Values for all inputs of a step: a picture of noise that moves by length 1. */
function sample(inputs: readonly InputDeclaration[]): Feeds {
  const feeds = inputs.map(({ name, dtype, shape }): [string, Feed] => {
    const count = sizeOf(shape);
    if (dtype === "int64") return [name, { type: dtype, data: new BigInt64Array(count), shape }];
    if (dtype === "bool") return [name, { type: dtype, data: new Uint8Array(count).fill(1), shape }];
    const isPicture = shape.length === 4 && shape[1] === 3;
    const generator = new Generator(0);
    const data = new Float32Array(count).fill(1);
    return [name, { type: dtype, data: isPicture ? data.map(() => 0.25 + generator.uniform() / 2) : data, shape }];
  });
  return Object.fromEntries(feeds);
}

function floats(results: Awaited<ReturnType<GraphSession["run"]>>, name: string): Float32Array {
  const data = results[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`The step has no ${name}.`);
  return data;
}

/** Of the difference. */
function length(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, place) => sum + (value - (b[place] ?? 0)) ** 2, 0));
}
