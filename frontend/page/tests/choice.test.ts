/** A GPU computes the steps only where it agrees with WebAssembly, and gains by it. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { candidateOf, compare, remember } from "../src/engine/choice";
import type { Feeds, GraphSession } from "../src/engine/runtime";
import type { InputDeclaration } from "../src/manifest";
import { fixtures } from "./fixtures";

const INPUTS: InputDeclaration[] = [
  { name: "x", dtype: "float32", shape: [1, 3, 4, 4] },
  { name: "start", dtype: "float32", shape: [1, 3, 4, 4] },
  { name: "stepper.step_size", dtype: "float32", shape: [] },
  { name: "objective.target", dtype: "int64", shape: [] },
  { name: "region", dtype: "bool", shape: [1, 1, 4, 4] },
];
let now = 0;

/** Moves each value, and takes its time. */
function session(milliseconds: number, change: (value: number, step: number) => number, loss = 2): GraphSession {
  let step = 0;
  return {
    run: (feeds: Feeds) => {
      expect(Object.keys(feeds)).toEqual(INPUTS.map(({ name }) => name));
      now += step ? milliseconds : 1000; // the first step compiles
      const next = Float32Array.from(feeds["x"]?.data as Float32Array, (value) => change(value, step));
      step++;
      return Promise.resolve({ x_next: { data: next }, numbers: { data: Float32Array.of(loss, 0.5) } });
    },
    release: () => Promise.resolve(),
  };
}

const right = (value: number) => value + 0.1;
const chosen = (gpu: GraphSession, isWanted = false) => compare(gpu, session(20, right), INPUTS, isWanted, () => now);

it("is taken where it takes less time", async () => {
  expect(await chosen(session(10, right))).toBe("webgpu");
  expect(await chosen(session(19.5, right))).toBe("wasm");
  expect(await chosen(session(30, right), true)).toBe("webgpu");
});

it("is never taken where it computes something else", async () => {
  expect(
    await chosen(
      session(1, (value) => value + 0.11),
      true,
    ),
  ).toBe("wasm");
  expect(await chosen(session(1, (value, step) => value + (step === 3 ? 0 : 0.1)))).toBe("wasm");
  expect(
    await chosen(
      session(1, () => NaN),
      true,
    ),
  ).toBe("wasm");
  expect(await chosen(session(1, right, 2.1), true)).toBe("wasm");
  expect(
    await chosen(
      session(1, (value) => value + 0.1001),
      true,
    ),
  ).toBe("webgpu");
});

const kept = new Map<string, string>();

beforeEach(() => {
  kept.clear();
  const cache = {
    match: (address: string) => Promise.resolve(kept.has(address) ? new Response(kept.get(address)) : undefined),
    put: async (address: string, response: Response) => void kept.set(address, await response.text()),
  };
  vi.stubGlobal("caches", { open: () => Promise.resolve(cache) });
  vi.stubGlobal("WebAssembly", { Suspending: Object });
});

afterEach(() => vi.unstubAllGlobals());

function browserWith(adapter: { vendor: string; isFallbackAdapter: boolean } | null): void {
  const gpu = { requestAdapter: () => Promise.resolve(adapter && { info: adapter }) };
  vi.stubGlobal("navigator", { gpu, userAgent: "test", hardwareConcurrency: 4 });
}

it("is measured once for a model and a GPU", async () => {
  const { manifest } = fixtures;
  browserWith({ vendor: "one", isFallbackAdapter: false });
  const first = await candidateOf(manifest, null);
  expect(first.provider === "webgpu" && first.key !== "").toBe(true);
  await remember(first.key, "webgpu");
  expect(await candidateOf(manifest, null)).toEqual({ provider: "webgpu", key: "" });
  const model = { ...manifest.model, fingerprint: "another" };
  expect((await candidateOf({ ...manifest, model }, null)).key).not.toBe("");
  await remember(first.key, "wasm");
  expect(await candidateOf(manifest, null)).toEqual({ provider: "wasm", key: "" });
  expect((await candidateOf(manifest, "webgpu")).key).toBe(first.key);
  browserWith({ vendor: "two", isFallbackAdapter: false });
  expect((await candidateOf(manifest, null)).provider).toBe("webgpu");
});

it("is not tried where there is none, or the processor plays one", async () => {
  const none = { provider: "wasm", key: "" };
  const { manifest } = fixtures;
  browserWith(null);
  expect(await candidateOf(manifest, "webgpu")).toEqual(none);
  browserWith({ vendor: "one", isFallbackAdapter: true });
  expect(await candidateOf(manifest, null)).toEqual(none);
  expect((await candidateOf(manifest, "webgpu")).provider).toBe("webgpu");
  browserWith({ vendor: "one", isFallbackAdapter: false });
  expect(await candidateOf(manifest, "wasm")).toEqual(none);
  vi.stubGlobal("WebAssembly", {});
  expect(await candidateOf(manifest, "webgpu")).toEqual(none);
});

it("is measured again where the browser keeps nothing", async () => {
  browserWith({ vendor: "one", isFallbackAdapter: false });
  vi.stubGlobal("caches", { open: () => Promise.reject(new Error("refused")) });
  const { key } = await candidateOf(fixtures.manifest, null);
  await remember(key, "wasm");
  expect((await candidateOf(fixtures.manifest, null)).provider).toBe("webgpu");
});
