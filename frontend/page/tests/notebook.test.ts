import type { Buffers } from "@robust-widgets/shared/model";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Manifest } from "../src/manifest";
import { Files, findEngine } from "../src/notebook/files";
import { Host, type Model, type Parts } from "../src/notebook/host";
import type { FromKernel, Outgoing } from "../src/notebook/messages";
import { FakeSession } from "./fakeSession";
import { fixtures } from "./fixtures";

/** A widget model that keeps what is sent. */
class FakeModel {
  sent: { content: Outgoing; buffers: ArrayBuffer[] }[] = [];
  private handler: (content: FromKernel, buffers: Buffers) => void = () => undefined;

  get(): string {
    return "1.2.0";
  }

  on(_: string, handler: (content: FromKernel, buffers: Buffers) => void): void {
    this.handler = handler;
  }

  off(): void {
    this.handler = () => undefined;
  }

  send(content: Outgoing, _?: undefined, buffers: ArrayBuffer[] = []): void {
    this.sent.push({ content, buffers });
  }

  say(content: Record<string, unknown>, ...buffers: Uint8Array<ArrayBuffer>[]): void {
    const page = this.sent[0]?.content.page;
    const views = buffers.map(({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength));
    this.handler({ page, arrays: {}, ...content } as unknown as FromKernel, views);
  }

  get kinds(): string[] {
    return this.sent.map(({ content }) => content.kind);
  }
}

const FILES: Record<string, unknown> = {
  "manifest.json": {
    ...fixtures.manifest,
    weights: { ...fixtures.manifest.weights, file: "weights.bin" },
    seeds: null,
    structures: { generate: { file: "steps/generate.onnx", inputs: [] } },
  },
  "weights.bin": "weights",
  "steps/generate.onnx": "graph",
};

let model: FakeModel;
let session: FakeSession;
let opened: { manifest: Manifest; base: string }[];

beforeEach(() => {
  model = new FakeModel();
  session = new FakeSession();
  opened = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

function host(findEngine: Parts["findEngine"] = () => Promise.resolve("http://example.test/page/")): Host {
  const openSession = (manifest: Manifest, base: string) => {
    opened.push({ manifest, base });
    return session;
  };
  return new Host(model as unknown as Model, { findEngine, openSession });
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
}

async function ready(): Promise<Host> {
  const own = host();
  await settled();
  const files = Object.entries(FILES);
  for (const [name, content] of files) {
    const bytes = new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
    model.say({ kind: "file", name, gzip: false, count: files.length }, bytes);
  }
  await settled();
  return own;
}

it("greets the kernel, takes its files, and says that it is ready", async () => {
  await ready();
  expect(model.kinds).toEqual(["hello", "files", "loaded"]);
  expect(model.sent[2]?.content).toMatchObject({ message: "" });
  expect(new Set(model.sent.map(({ content }) => content.page)).size).toBe(1);
  const [{ manifest, base } = { manifest: fixtures.manifest, base: "" }] = opened;
  expect(base).toBe("http://example.test/page/");
  expect(manifest.weights.file).toMatch(/^blob:/);
  expect(manifest.structures["generate"]?.file).toMatch(/^blob:/);
});

it("runs what the kernel asks for, and sends every frame", async () => {
  await ready();
  const arrays = { picture: { dtype: "uint8", shape: [2, 1, 3] }, mask: { dtype: "uint8", shape: [2, 1] } };
  const run = { kind: "run", id: 7, task: "inpaint", target: "cat", parameters: { steps: 2 }, arrays };
  model.say(run, Uint8Array.of(1, 2, 3, 4, 5, 6), Uint8Array.of(0, 255));
  expect(session.requests[0]).toMatchObject({
    task: "inpaint",
    target: "cat",
    parameters: { steps: 2 },
    picture: { count: 1, height: 2, width: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    mask: { height: 2, width: 1, levels: Uint8Array.of(0, 255) },
  });
  session.advance(2);
  const own = model.sent.slice(3);
  expect(own.map(({ content }) => content.kind)).toEqual(["begun", "frame", "frame", "frame", "ended"]);
  const frame = own[1];
  expect(frame?.content).toMatchObject({ id: 7, step: 0 });
  expect(Object.entries(frame?.content.arrays ?? {})).toEqual([
    ["pixels", { dtype: "uint8", shape: [1, 16, 16, 3] }],
    ["numbers", { dtype: "float64", shape: [3, 1] }],
    ["probabilities", { dtype: "float32", shape: [1, 3] }],
    ["gradient", { dtype: "uint8", shape: [1, 16, 16] }],
  ]);
  expect(frame?.buffers.map(({ byteLength }) => byteLength)).toEqual([768, 24, 12, 256]);
  expect(own[3]?.content.arrays).not.toHaveProperty("gradient");
  expect(own[4]?.content).toMatchObject({ id: 7, state: "done" });
});

it("stops the run that is meant, and no other", async () => {
  await ready();
  model.say({ kind: "run", id: 1, task: "generate", target: "cat", parameters: {} });
  model.say({ kind: "stop", id: 9 });
  model.say({ kind: "stop", id: 1, page: "another" });
  expect(model.kinds).not.toContain("ended");
  model.say({ kind: "stop", id: 1 });
  expect(model.sent.at(-1)?.content).toMatchObject({ kind: "ended", id: 1, state: "stopped" });
});

it("says why it cannot compute", async () => {
  host(() => Promise.reject(new Error("There is no engine; paint in the kernel.")));
  await settled();
  expect(model.sent.at(-1)?.content).toMatchObject({
    kind: "loaded",
    message: "There is no engine; paint in the kernel.",
  });
});

it("says that it is there, and says goodbye when the page is closed", () => {
  vi.useFakeTimers();
  host();
  vi.advanceTimersByTime(20_000);
  expect(model.kinds.filter((kind) => kind === "alive")).toHaveLength(2);
  model.say({ kind: "ping", id: 5 });
  expect(model.sent.at(-1)?.content).toMatchObject({ kind: "alive", answers: 5 });
  window.dispatchEvent(new Event("pagehide"));
  expect(model.kinds.at(-1)).toBe("bye");
});

it("goes on where the studio is moved, and ends with its last view", async () => {
  const own = await ready();
  vi.useFakeTimers();
  own.show();
  own.hide();
  own.show();
  vi.advanceTimersByTime(5_000);
  expect(session.isClosed).toBe(false);
  own.hide();
  vi.advanceTimersByTime(5_000);
  expect([session.isClosed, model.kinds.at(-1)]).toEqual([true, "bye"]);
});

it("unpacks what was packed", async () => {
  const packed = new Response(new Blob(["step"]).stream().pipeThrough(new CompressionStream("gzip")));
  const manifest = JSON.stringify({ weights: { file: "weights.bin" }, seeds: null, structures: {} });
  const files = new Files();
  await files.add("manifest.json", new TextEncoder().encode(manifest), false);
  await files.add("weights.bin", new Uint8Array(await packed.arrayBuffer()), true);
  const made: Blob[] = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${made.push(blob as Blob)}`);
  expect(files.open().weights.file).toBe("blob:1");
  expect(await made[0]?.text()).toBe("step");
});

it.each([
  ["1.2.0", 200, "http://example.test/user/ada/lab/extensions/robust-widgets/page/"],
  ["1.1.0", 200, "has version 1.1.0 of the extension"],
  ["", 404, "lacks the extension"],
])("finds the engine of its own version: %s", async (version, status, expected) => {
  vi.stubGlobal("fetch", (address: string) =>
    Promise.resolve(new Response(address.endsWith("package.json") ? JSON.stringify({ version }) : "", { status })),
  );
  const script = document.createElement("script");
  script.id = "jupyter-config-data";
  script.type = "application/json";
  script.textContent = JSON.stringify({ fullLabextensionsUrl: "http://example.test/user/ada/lab/extensions" });
  document.body.append(script);
  const found = await findEngine("1.2.0").catch((error: unknown) => String(error));
  expect(found).toContain(expected);
});

it("says where there is no JupyterLab", async () => {
  await expect(findEngine("1.2.0")).rejects.toThrow("JupyterLab and Jupyter Notebook alone");
});
