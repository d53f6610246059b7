/** Files of a page that do not arrive, or not whole. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { download } from "../src/engine/download";
import { isPassing, reportOf, UserError } from "../src/engine/errors";

const ADDRESS = new URL("http://example.test/lions/weights.bin");
const WHOLE = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
/** By another program. */
const CONTENT = { length: 1000, sha256: "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d" };
/** What is answered in turn, and how it was asked for. */
let answers: (() => Response | Promise<Response>)[] = [];
let asked: (RequestCache | undefined)[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", (_: URL, { cache }: RequestInit) => {
    asked.push(cache);
    return Promise.resolve().then(() => answers.shift()?.() ?? Promise.reject(new TypeError("Failed to fetch")));
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const whole = () => new Response(WHOLE);
const half = () => new Response(WHOLE.slice(0, 500));
const other = () => new Response(WHOLE.map((byte) => byte ^ 1));

it("takes what arrives whole, and asks once more past all caches for what does not", async () => {
  answers = [whole];
  expect(await download(ADDRESS, CONTENT)).toEqual(WHOLE);
  answers = [half, whole];
  expect(await download(ADDRESS, CONTENT)).toEqual(WHOLE);
  expect(asked).toEqual(["default", "default", "reload"]);
});

it("says what is wrong, by names that may be tried again", async () => {
  const codeOf = (error: unknown) => (error as UserError).code;
  answers = [half, other];
  const code = await download(ADDRESS, CONTENT).catch(codeOf);
  answers = [() => new Response("", { status: 404 })];
  const missing = await download(ADDRESS).catch(codeOf);
  answers = [];
  const cut = await download(ADDRESS).catch(codeOf);
  const codes = [code, missing, cut].map(String);
  expect(codes).toEqual(["file-damaged", "download-missing", "download-cut"]);
  expect(codes.every(isPassing)).toBe(true);
  expect(isPassing("no-wasm")).toBe(false);
});

it("ends a download that brings nothing for a minute", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", (_: URL, { signal }: RequestInit) => {
    const started = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(WHOLE);
        signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
      },
    });
    return Promise.resolve(new Response(started));
  });
  const result = download(ADDRESS).catch((error: unknown) => (error as UserError).message);
  await vi.advanceTimersByTimeAsync(61_000);
  expect(await result).toBe("weights.bin could not be downloaded; check the connection, then try again.");
});

it("knows that memory is short, however that is said", () => {
  for (const error of [new RangeError("Array buffer allocation failed"), new Error("std::bad_alloc"), "Aborted(OOM)"]) {
    expect(reportOf(error, "The run failed").code).toBe("memory");
  }
  expect(reportOf(new Error("zoom"), "The run failed")).toMatchObject({ code: "", message: "The run failed (zoom)." });
});
