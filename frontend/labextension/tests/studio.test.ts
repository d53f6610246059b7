import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ClosedStudios } from "../src/studio/closed";
import { setFrameRate, show } from "../src/studio/code";
import { fromBase64, messages } from "../src/studio/delivery";
import { isForStudio } from "../src/studio/files";
import { type KernelStatus, untilAnswered } from "../src/studio/kernel";
import { DEFAULTS, settingsOf } from "../src/studio/settings";

test.each([
  [{}, "robust_widgets.jupyter.kernel_api.show(frames_per_second=20)"],
  [{ file: "", model: "", device: "" }, "robust_widgets.jupyter.kernel_api.show(frames_per_second=20)"],
  [{ file: "fish.rwtrace" }, 'robust_widgets.jupyter.kernel_api.show("fish.rwtrace", frames_per_second=20)'],
  [
    { model: "tiny", device: "cpu" },
    'robust_widgets.jupyter.kernel_api.show(model="tiny", device="cpu", frames_per_second=20)',
  ],
  [
    { server: "http://gpu:8900" },
    'robust_widgets.jupyter.kernel_api.show(server="http://gpu:8900", frames_per_second=20)',
  ],
  [
    { file: 'a "quoted"\n\\name.png', model: "tiny" },
    'robust_widgets.jupyter.kernel_api.show("a \\"quoted\\"\\n\\\\name.png", model="tiny", frames_per_second=20)',
  ],
])("%j is asked of the kernel as Python", (studio, wanted) => {
  expect(show(studio, 20).split("\n").at(-1)).toBe(wanted);
});

test("the frame rate is set in the kernel, which may not have loaded the studio yet", () => {
  expect(setFrameRate(5)).toBe(
    "import robust_widgets.jupyter.kernel_api\nrobust_widgets.jupyter.kernel_api.set_frame_rate(5)",
  );
});

test.each(["a.png", "a.PNG", "b/c.jpeg", "c.JPG", "d.webp", "e.rwtrace"])("%s is for the studio", (path) => {
  expect(isForStudio(path)).toBe(true);
});

test.each(["a.gif", "png", "a.png.txt", "folder.d", ""])("%j is not for the studio", (path) => {
  expect(isForStudio(path)).toBe(false);
});

const PIECE = 40_000;

test.each([0, 1, PIECE, PIECE + 1, 2 * PIECE + 7])("%i bytes arrive whole", (length) => {
  const bytes = Uint8Array.from({ length }, (_, index) => index % 251);
  const sent = [...messages({ name: 'a "name".png', bytes }, PIECE)];
  expect(sent).toHaveLength(Math.max(1, Math.ceil(length / PIECE)));
  const arrived = sent.flatMap((code, index) => {
    const found = /^robust_widgets\.jupyter\.kernel_api\.bring\("a \\"name\\"\.png", (\d+), (\d+), "(.*)"\)$/.exec(
      code,
    );
    expect([found?.[1], found?.[2]]).toEqual([String(index), String(sent.length)]);
    return [fromBase64(found?.[3] ?? "")];
  });
  expect(arrived.flatMap((piece) => [...piece])).toEqual([...bytes]);
});

test("a large run is decoded without a list of its letters", () => {
  const letters = vi.spyOn(String.prototype, Symbol.iterator);
  try {
    expect(fromBase64(btoa("\x00run\xff"))).toEqual(new Uint8Array([0, 114, 117, 110, 255]));
    expect(letters).not.toHaveBeenCalled();
  } finally {
    letters.mockRestore();
  }
});

test("settings that were never made have their defaults, and words their spaces taken off", () => {
  expect(settingsOf({})).toEqual(DEFAULTS);
  const given = { confirmClose: false, model: " tiny ", device: " cpu", server: " http://gpu ", framesPerSecond: 5 };
  const expected = { ...given, model: "tiny", device: "cpu", server: "http://gpu", themeColors: false };
  expect(settingsOf({ ...given, themeColors: false })).toEqual(expected);
  expect(settingsOf({ model: 3, framesPerSecond: "many" })).toEqual(DEFAULTS);
});

test("the studio that was closed last is reopened first, also after a reload of the page", async () => {
  const kept = new Map<string, unknown>();
  const state = {
    fetch: vi.fn((id: string) => Promise.resolve(kept.get(id) as never)),
    save: vi.fn((id: string, value: unknown) => Promise.resolve(void kept.set(id, value))),
  };
  let now = 0;
  const place = (id: string) => ({ id, cwd: "a" });
  const closed = new ClosedStudios(state, vi.fn(), () => now);
  await closed.load();
  expect(closed.isEmpty).toBe(true);
  for (const id of ["one", "two", "three"]) closed.add(place(id));
  expect(closed.pop()).toEqual(place("three"));

  const changed = vi.fn();
  const later = new ClosedStudios(state, changed, () => now);
  await later.load();
  expect(changed).toHaveBeenCalled();
  expect(later.isEmpty).toBe(false);
  expect(later.pop()).toEqual(place("two"));
  now = 31 * 24 * 3600 * 1000;
  expect(later.isEmpty).toBe(true);
  expect(later.pop()).toBeUndefined();
});

describe("a request to a kernel that is being restarted", () => {
  const IDLE_MS = 10_000;

  function kernel(status: "idle" | "busy") {
    const slots = new Set<() => void>();
    const state = { status };
    const context: KernelStatus = {
      session: { kernel: state },
      statusChanged: {
        connect: (slot) => !!slots.add(slot),
        disconnect: (slot) => slots.delete(slot),
      },
    };
    const become = (next: typeof status): void => {
      state.status = next;
      for (const slot of [...slots]) slot();
    };
    return { context, become, slots };
  }

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("is made again once the kernel was idle for long without an answer", async () => {
    const { context, slots } = kernel("idle");
    const request = vi
      .fn<() => Promise<string>>()
      .mockReturnValueOnce(new Promise(() => undefined))
      .mockResolvedValueOnce("shown");
    const answer = untilAnswered(request, context, IDLE_MS);
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    expect(request).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    await expect(answer).resolves.toBe("shown");
    expect([request.mock.calls.length, slots.size, vi.getTimerCount()]).toEqual([2, 0, 0]);
  });

  test("is not made again while the kernel works", async () => {
    const { context, become } = kernel("idle");
    let answered: (value: string) => void = () => undefined;
    const request = vi.fn(() => new Promise<string>((resolve) => void (answered = resolve)));
    const answer = untilAnswered(request, context, IDLE_MS);
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    become("busy");
    await vi.advanceTimersByTimeAsync(10 * IDLE_MS);
    answered("shown");
    await expect(answer).resolves.toBe("shown");
    expect(request).toHaveBeenCalledTimes(1);
  });

  test("is not made again where it failed", async () => {
    const { context, slots } = kernel("idle");
    const request = vi.fn(() => Promise.reject(new Error("no kernel")));
    await expect(untilAnswered(request, context, IDLE_MS)).rejects.toThrow("no kernel");
    expect([request.mock.calls.length, slots.size, vi.getTimerCount()]).toEqual([1, 0, 0]);
  });
});
