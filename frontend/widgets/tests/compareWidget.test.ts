import type { Curves } from "@robust-widgets/shared/curves";
import { beforeEach, expect, test, vi } from "vitest";
import { FakeModel } from "../../shared/tests/fakeModel";
import compare from "../src/compare/index";

interface Message {
  kind: "run";
  index: number;
  count: number;
  label: string;
  curves: Curves;
}

const curves = (steps: number[], radius: number): Curves => ({
  steps,
  loss: steps.map((step) => 10 - step),
  probability: steps.map((step) => step / 10),
  distance: steps,
  top: [],
  radius,
});

let model: FakeModel<{ display_side: number }, Message, { kind: "hello" }>;
let root: HTMLElement;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel({ display_side: 32 });
  const el = document.createElement("div");
  document.body.append(el);
  close = compare.render({ model, el });
  root = el.querySelector<HTMLElement>(".rw-compare") ?? el;
});

function receive(index: number, steps: number[], radius = 5): void {
  const message: Message = { kind: "run", index, count: 2, label: `run ${index}`, curves: curves(steps, radius) };
  model.receive(message, ...steps.map((step) => `picture ${step}`));
}

const settle = () => vi.advanceTimersByTimeAsync(50);
const steps = () => [...root.querySelectorAll<HTMLElement>(".rw-compare-run")].map(({ dataset }) => dataset["step"]);
const numbers = () => [...root.querySelectorAll("b")].slice(0, 6).map(({ textContent }) => textContent);
const rule = () => root.querySelector<HTMLElement>(".rw-chart-rule");

test("nothing plays until all runs are there", async () => {
  expect(model.sent).toEqual([{ kind: "hello" }]);
  receive(0, [0, 1, 2]);
  expect(root.dataset["recorded"]).toBeUndefined();
  receive(1, [0, 4, 8]);
  await settle();
  expect([root.dataset["recorded"], root.dataset["step"]]).toEqual(["true", "8"]);
});

test("without a kernel it says what to do, unless it has the runs", async () => {
  model.isDead = true;
  receive(0, [0, 1]);
  model.emit("comm_live_update");
  await settle();
  expect([root.querySelector(".rw-kernel-ended")?.textContent, root.classList.contains("rw-live")]).toEqual(["", true]);

  const el = document.createElement("div");
  el.className = "jupyter-widgets-disconnected";
  const closeIt = compare.render({
    model: new FakeModel<{ display_side: number }, Message, { kind: "hello" }>({ display_side: 32 }),
    el,
  });
  await settle();
  expect(el.querySelector(".rw-kernel-ended")?.textContent).toBe(
    "This comparison has no kernel. Run the cell again to compare the runs.",
  );
  expect(el.querySelector(".rw-live")).toBeNull();
  closeIt();
});

test("one slider moves all, and a shorter run stays at its end", async () => {
  receive(0, [0, 1, 2]);
  receive(1, [0, 4, 8]);
  await settle();
  expect(steps()).toEqual(["2", "8"]);
  expect(numbers()).toEqual(["20 %", "8.00", "2.00", "80 %", "2.00", "8.00"]);
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  await settle();
  expect(steps()).toEqual(["1", "0"]);
});

test("a limit that all runs have is drawn with the distances", () => {
  receive(0, [0, 1], 5);
  receive(1, [0, 1], 5);
  expect(rule()?.hidden).toBe(true);
  root.querySelector<HTMLElement>("[data-tab=distance]")?.click();
  expect([rule()?.hidden, rule()?.dataset["name"]]).toEqual([false, "ε 5"]);
  receive(1, [0, 1], 9);
  expect(rule()?.hidden).toBe(true);
});

test("a run that comes again keeps the step", async () => {
  receive(0, [0, 1, 2]);
  receive(1, [0, 1, 2]);
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
  receive(1, [0, 1, 2]);
  await settle();
  expect(root.dataset["step"]).toBe("0");
});

test("a closed widget listens no more", () => {
  close();
  expect([model.listenerCount, root.isConnected]).toEqual([0, false]);
});
