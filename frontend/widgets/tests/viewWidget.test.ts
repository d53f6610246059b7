/** The view as a whole, from messages to what is shown and sent. */
import type { Curves } from "@robust-widgets/shared/curves";
import { beforeEach, expect, test, vi } from "vitest";
import { FakeModel } from "../../shared/tests/fakeModel";
import view from "../src/view/index";
import type { Incoming, Outgoing, State } from "../src/view/messages";

const CURVES: Curves = {
  steps: [0, 1, 2],
  loss: [3, 2, 1],
  probability: [0.1, 0.5, 0.9],
  distance: [0, 1, 2],
  top: [],
  radius: 5,
};

let model: FakeModel<State, Incoming, Outgoing>;
let root: HTMLElement;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel({ display_side: 64, label: "result", branching: true, device: "cpu" });
  const el = document.createElement("div");
  document.body.append(el);
  close = view.render({ model, el });
  root = part(".rw-view");
  expect(model.takeSent()).toEqual([{ kind: "hello" }]);
});

function part(selector: string): HTMLElement {
  const match = document.querySelector<HTMLElement>(selector);
  if (!match) throw new Error(selector);
  return match;
}

const canvas = () => part(".rw-view-picture") as HTMLCanvasElement;
const text = (selector: string) => part(selector).textContent;
/** Lets pictures decode, then texts and curves follow. */
const settle = () => vi.advanceTimersByTimeAsync(400);

function begin(run = 0, steps = 10): void {
  model.receive({ kind: "begin", run, steps, title: "goldfish", classes: ["cat"], radius: 5, curves: null });
}

function frame(step: number, run = 0, picture = "jpeg"): void {
  const numbers = { loss: 2, probability: 0.5, distance: 1, top: [] };
  model.receive({ kind: "frame", run, sequence: step, step, ...numbers, rate: 12.3, left: 61 }, picture);
}

function record(run = 0): void {
  model.receive({ kind: "record", run, curves: CURVES, title: "goldfish", state: "done" }, "a", "b", "c");
}

test("an empty view shows a hint, and nothing can be pressed", () => {
  expect(part(".rw-view-hint").hidden).toBe(false);
  expect(root.dataset["state"]).toBe("empty");
  const buttons = [...root.querySelectorAll<HTMLButtonElement>(".rw-view-tools button, .rw-view-transport button")];
  expect(buttons.every(({ disabled }) => disabled)).toBe(true);
});

test("a run is announced, painted and acknowledged", async () => {
  begin();
  expect(text(".rw-view-announcer")).toBe("running: goldfish");
  expect(text(".rw-view-line")).toBe("starting");
  frame(0);
  frame(4);
  await settle();
  expect(text(".rw-view-line")).toBe("step 4 of 10 · 12 steps/s · 1 min 1 s left");
  expect([root.dataset["step"], root.dataset["rate"], root.dataset["device"]]).toEqual(["4", "12", "cpu"]);
  expect(part(".rw-view-hint").hidden).toBe(true);
  expect(part(".rw-view-bar").getAttribute("aria-valuenow")).toBe("4");
  expect(part(".rw-view-fill").style.transform).toBe("scaleX(0.4)");
  expect(model.takeSent().at(-1)).toEqual({ kind: "ack", sequence: 4 });
});

test("a recorded run is a player that starts at its last step", async () => {
  begin();
  record();
  await settle();
  expect([root.dataset["recorded"], root.dataset["step"]]).toEqual(["true", "2"]);
  expect(text(".rw-view-step")).toBe("2 / 2");
  expect(text(".rw-view-announcer")).toBe("goldfish: done: 10 steps");
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
  await settle();
  expect(root.dataset["step"]).toBe("0");
  expect(model.takeSent()).toEqual([{ kind: "step", step: 0 }]);
});

test("scrubbing tells the kernel where it ends, not each step", async () => {
  begin();
  record();
  for (const key of ["ArrowLeft", "ArrowLeft", "ArrowRight"]) root.dispatchEvent(new KeyboardEvent("keydown", { key }));
  await settle();
  expect(model.takeSent()).toEqual([{ kind: "step", step: 1 }]);
});

test("a branch starts at the step that is shown", () => {
  begin();
  record();
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
  part(".rw-view-branch").click();
  expect(model.sent).toContainEqual({ kind: "branch", step: 1 });
  model.set("branching", false);
  expect(part(".rw-view-branch").hidden).toBe(true);
});

test("the start picture shows while its button is held", async () => {
  begin();
  record();
  await settle();
  part(".rw-view-start").dispatchEvent(new PointerEvent("pointerdown"));
  await settle();
  expect([root.dataset["step"], text(".rw-view-badge")]).toEqual(["0", "start"]);
  window.dispatchEvent(new PointerEvent("pointerup"));
  await settle();
  expect([root.dataset["step"], part(".rw-view-badge").hidden]).toEqual(["2", true]);
});

test("the last step shows the gradient of the step before, and says so", async () => {
  begin();
  record();
  part(".rw-view-gradient").click();
  expect(model.takeSent()).toContainEqual({ kind: "heat", on: true });
  expect(part(".rw-view-scale").hidden).toBe(true);
  model.receive({ kind: "heat", run: 0 }, "h0", "h1", "");
  await settle();
  expect(text(".rw-view-badge")).toBe("gradient of step 1");
  expect(part(".rw-view-scale").hidden).toBe(false);
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
  expect(text(".rw-view-badge")).toBe("");
});

test("messages of older runs are dropped", async () => {
  begin(1);
  frame(3, 1);
  await settle();
  frame(9, 0);
  model.receive({ kind: "end", run: 0, state: "failed", message: "old" });
  await settle();
  expect([root.dataset["run"], root.dataset["state"], root.dataset["step"]]).toEqual(["1", "running", "3"]);
});

test("a new run replaces the recorded one, but not its picture", async () => {
  begin(0);
  record(0);
  await settle();
  begin(1);
  expect([root.dataset["state"], root.dataset["recorded"]]).toEqual(["running", "false"]);
  expect(canvas().width).toBeGreaterThan(1);
});

test("a blanked run stays blank when its last frames arrive", async () => {
  begin();
  frame(0);
  await settle();
  model.receive({ kind: "blank" });
  frame(1);
  await settle();
  expect([root.dataset["state"], part(".rw-view-hint").hidden]).toEqual(["empty", false]);
  begin();
  expect(root.dataset["state"]).toBe("running");
});

test("a failed run says why, and one without a frame leaves no other run's picture", async () => {
  begin();
  model.receive({ kind: "end", run: 0, state: "failed", message: "out of memory" });
  expect(text(".rw-view-line")).toBe("out of memory");
  expect(canvas().width).toBe(1);
  await settle();
});

test("a run ends with its kernel", async () => {
  begin();
  frame(2);
  await settle();
  model.isDead = true;
  part(".rw-view-gradient").click();
  expect([root.dataset["state"], text(".rw-view-line")]).toEqual(["failed", "the kernel ended"]);
  expect(root.classList.contains("rw-live"), "the notebook's runs are shown").toBe(false);
});

test("a question whether all values were sent is answered", () => {
  model.receive({ kind: "flush", press: 7 });
  expect(model.sent).toEqual([{ kind: "flushed", press: 7 }]);
});

test("a text is copied, and a page that may not do so raises nothing", async () => {
  const writeText = vi.fn().mockRejectedValue(new Error("not allowed"));
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  model.receive({ kind: "copy", text: "rw.Studio()" });
  await settle();
  expect(writeText).toHaveBeenCalledWith("rw.Studio()");
  vi.stubGlobal("navigator", {});
  model.receive({ kind: "copy", text: "rw.Studio()" });
  await settle();
  vi.unstubAllGlobals();
});

test("the tabs show the curves", async () => {
  begin();
  record();
  await settle();
  const shown = () => [...root.querySelectorAll<HTMLElement>(".rw-chart")].filter(({ hidden }) => !hidden).length;
  expect(shown()).toBe(2);
  part("[data-tab=top]").click();
  expect([shown(), text(".rw-view-quiet")]).toEqual([1, "The classes' probabilities were not recorded."]);
  part("[data-tab=distance]").click();
  expect(part(".rw-chart:not([hidden]) .rw-chart-rule").dataset["name"]).toBe("ε 5");
  expect(text(".rw-view-quiet")).toBe("");
});

test("the history lists the newest run first, and shows a run again", () => {
  const entry = (index: number) => ({ index, title: `run${index}`, task: "generate", state: "done" as const });
  model.receive({ kind: "history", entries: [entry(0), entry(1)], shown: 1, whole: true }, "a", "b");
  model.receive({ kind: "history", entries: [entry(2)], shown: 2, whole: false }, "c");
  const runs = [...root.querySelectorAll<HTMLButtonElement>(".rw-view-run")];
  expect(runs.map(({ title }) => title)).toEqual([3, 2, 1].map((run) => `run ${run}: run${run - 1}, generate (done)`));
  expect(runs.map((run) => run.getAttribute("aria-current"))).toEqual(["true", null, null]);
  runs[2]?.click();
  expect(model.sent).toEqual([{ kind: "show", index: 0 }]);
  runs[0]?.focus();
  runs[0]?.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
  expect(document.activeElement).toBe(runs[2]);
  model.receive({ kind: "history", entries: [], shown: null, whole: true });
  expect(part(".rw-view-history").hidden).toBe(true);
});

test("a branched run stands beneath the run it came from, whichever is newer", () => {
  const entry = (index: number, parent: number | null = null, step: number | null = null) => ({
    ...{ index, title: `run${index}`, task: "", state: "done" as const, parent, step },
  });
  model.receive(
    { kind: "history", entries: [entry(0), entry(1), entry(2, 0, 7)], shown: 2, whole: true },
    "a",
    "b",
    "c",
  );
  model.receive({ kind: "history", entries: [entry(3, 0, 9), entry(4, 2, 1)], shown: 4, whole: false }, "d", "e");
  const runs = [...root.querySelectorAll<HTMLButtonElement>(".rw-view-run")];
  expect(runs.map(({ textContent }) => textContent)).toEqual([1, 0, 3, 2, 4].map((run) => `✓run${run}`));
  const depth = (run: Element) => {
    let count = 0;
    for (let at = run.closest(".rw-view-branches"); at; at = at.parentElement?.closest(".rw-view-branches") ?? null)
      count++;
    return count;
  };
  expect(runs.map(depth)).toEqual([0, 0, 1, 1, 2]);
  expect(runs[3]?.title).toBe("run 3: run2 (done), from step 7 of run 1");
  runs[1]?.focus();
  runs[1]?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
  expect(document.activeElement).toBe(runs[2]);
  model.receive({ kind: "history", entries: [entry(0, 9)], shown: 0, whole: true }, "a");
  expect(root.querySelectorAll(".rw-view-runs > .rw-view-tree")).toHaveLength(1);
});

test("the film strip goes to any part of a run, and marks where it is", async () => {
  begin();
  record();
  await settle();
  const stills = [...root.querySelectorAll<HTMLButtonElement>(".rw-view-still")];
  expect(stills.map(({ disabled }) => disabled)).toEqual([false, false, false, true, true, true, true, true]);
  expect(stills[2]?.getAttribute("aria-current")).toBe("true");
  stills[0]?.click();
  await settle();
  expect(root.dataset["step"]).toBe("0");
  expect(stills.map((still) => still.getAttribute("aria-current")).indexOf("true")).toBe(0);
});

test("a closed view listens and sends no more", async () => {
  begin();
  record();
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
  model.takeSent();
  close();
  await settle();
  expect([model.sent, model.listenerCount]).toEqual([[], 0]);
  expect(document.querySelector(".rw-view")).toBeNull();
});
