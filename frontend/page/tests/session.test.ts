import type { RunEvent } from "@robust-widgets/shared/session";
import { beforeEach, expect, it, vi } from "vitest";
import type { FromWorker, ToWorker } from "../src/engine/messages";
import { WorkerSession } from "../src/engine/session";
import { fixtures, request } from "./fixtures";

/** A worker that keeps what it is sent, and says what the test wants. */
class FakeWorker extends EventTarget {
  static made: FakeWorker[] = [];
  sent: ToWorker[] = [];
  isTerminated = false;

  constructor(readonly address: URL) {
    super();
    FakeWorker.made.push(this);
  }

  postMessage(message: ToWorker): void {
    this.sent.push(message);
  }

  terminate(): void {
    this.isTerminated = true;
  }

  say(data: FromWorker): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  fail(message = "out of memory"): void {
    this.dispatchEvent(Object.assign(new Event("error"), { message }));
  }

  /** The worker's own file did not arrive. */
  miss(): void {
    this.dispatchEvent(new Event("error"));
  }
}

const BASE = "http://example.test/lions/";
const said = { message: "", code: "", values: {}, details: "" };

function newest(): FakeWorker {
  const worker = FakeWorker.made.at(-1);
  if (!worker) throw new Error("There is no worker.");
  return worker;
}

beforeEach(() => {
  FakeWorker.made = [];
  vi.stubGlobal("Worker", FakeWorker);
});

function opened(): WorkerSession {
  return new WorkerSession(fixtures.manifest, BASE);
}

it("opens the worker next to the page, and tells when the model is loaded", async () => {
  const session = opened();
  const heard: string[] = [];
  session.onLoaded(({ message }) => heard.push(`early${message}`));
  expect([session.loading, session.model.device, newest().address.href]).toEqual([true, "", `${BASE}engine.js`]);
  expect(newest().sent[0]).toMatchObject({ kind: "open", base: BASE });
  newest().say({ kind: "loaded", device: "WebAssembly", loaded: said });
  session.onLoaded(({ message }) => heard.push(`late${message}`));
  await Promise.resolve();
  expect(heard).toEqual(["early", "late"]);
  expect([session.loading, session.model.device]).toEqual([false, "WebAssembly"]);
  expect(session.model.classes).toEqual(fixtures.manifest.model.classes);
});

it("gives each run its own events, and nothing after its end", () => {
  const session = opened();
  newest().say({ kind: "loaded", device: "WebAssembly", loaded: said });
  const heard: Record<number, string[]> = {};
  const submit = () => {
    const run = session.submit(request("generate", "dog"), ({ kind }: RunEvent) => (heard[run] ??= []).push(kind));
    return run;
  };
  const [first, second] = [submit(), submit()];
  newest().say({ kind: "ended", run: first, state: "stopped", ...said });
  newest().say({ kind: "ended", run: first, state: "stopped", ...said });
  newest().say({ kind: "ended", run: second, state: "done", ...said });
  expect(heard).toEqual({ [first]: ["ended"], [second]: ["ended"] });
  session.cancel();
  expect(newest().sent.map(({ kind }) => kind)).toEqual(["open", "run", "run", "cancel"]);
});

it("ends a run that waits for the model at once when it is stopped or replaced", () => {
  const session = opened();
  const ends: [number, string][] = [];
  const submit = () =>
    session.submit(request("generate", "dog"), (event) => {
      if (event.kind === "ended") ends.push([event.run, event.state]);
    });
  const runs = [submit(), submit()];
  session.cancel();
  expect(ends).toEqual(runs.map((run) => [run, "stopped"]));
  newest().say({ kind: "ended", run: runs[0] ?? 0, state: "stopped", ...said });
  expect(ends.length).toBe(2);
});

it("ends all runs where the worker crashes, and starts another one for the next", () => {
  const session = opened();
  const ends: string[] = [];
  const listen = (event: RunEvent) => {
    if (event.kind === "ended") ends.push(`${event.state} ${event.code}`);
  };
  session.submit(request("generate", "dog"), listen);
  const crashed = newest();
  crashed.fail();
  expect([ends, crashed.isTerminated, session.loading]).toEqual([["failed crashed"], true, false]);
  session.submit(request("generate", "dog"), listen);
  expect(newest()).not.toBe(crashed);
  expect(newest().sent.map(({ kind }) => kind)).toEqual(["open", "run"]);
});

it("loads the model again where it could not be loaded, and tells of that", () => {
  const session = opened();
  const heard: string[] = [];
  const watch = () => {
    heard.push(session.loading ? "loading" : "not loading");
    session.onLoaded(({ code }) => heard.push(code || "loaded"));
  };
  session.onRestart = watch;
  watch();
  const ends: string[] = [];
  session.submit(request("generate", "dog"), (event) => {
    if (event.kind === "ended") ends.push(`${event.state} ${event.code}`);
  });
  newest().say({ kind: "loaded", device: "", loaded: { ...said, message: "It is damaged.", code: "file-damaged" } });
  expect([ends, newest().isTerminated]).toEqual([["failed file-damaged"], true]);
  session.retry();
  newest().miss();
  session.submit(request("generate", "dog"), () => undefined);
  newest().say({ kind: "loaded", device: "WebAssembly", loaded: said });
  session.retry();
  expect(heard).toEqual(["loading", "file-damaged", "loading", "download-cut", "loading", "loaded"]);
  expect(FakeWorker.made.length).toBe(3);
});

it("gives back the memory that ran short", () => {
  const session = opened();
  newest().say({ kind: "loaded", device: "WebAssembly", loaded: said });
  const run = session.submit(request("generate", "dog"), () => undefined);
  newest().say({ kind: "ended", run, state: "failed", ...said, message: "Short.", code: "memory" });
  expect(newest().isTerminated).toBe(true);
  session.submit(request("generate", "dog"), () => undefined);
  expect(newest().sent.map(({ kind }) => kind)).toEqual(["open", "run"]);
});

it("ends all runs when it is closed, and takes no more", () => {
  const session = opened();
  const ends: RunEvent[] = [];
  session.submit(request("generate", "dog"), (event) => ends.push(event));
  session.close();
  expect(ends).toMatchObject([{ kind: "ended", state: "stopped", message: "" }]);
  expect(newest().isTerminated).toBe(true);
  expect(() => session.submit(request("generate", "dog"), () => undefined)).toThrow("closed");
});
