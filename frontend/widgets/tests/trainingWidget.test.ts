import { beforeEach, expect, test, vi } from "vitest";
import { FakeModel } from "../../shared/tests/fakeModel";
import { endOfAxis, nextTenth } from "../src/training/curves";
import training from "../src/training/index";
import type { Outgoing, Update } from "../src/training/messages";

let model: FakeModel<{ label: string }, Update, Outgoing>;
let root: HTMLElement;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel({ label: "training" });
  const el = document.createElement("div");
  document.body.append(el);
  close = training.render({ model, el });
  root = el.querySelector<HTMLElement>(".rw-training") ?? el;
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
});

const UPDATE: Update = {
  kind: "update",
  sequence: 3,
  state: "running",
  title: "a small network",
  words: "running",
  about: "CIFAR-10",
  classes: "cat, dog",
  offers: ["pause", "stop"],
  start: "Start",
  step: 50,
  steps: 200,
  progress: "epoch 2 of 8",
  announcement: "epoch 1 is done",
  notice: "",
  loss: { steps: [10, 50], epochs: [1, 2], values: [2, 1] },
  accuracies: { steps: [25, 50], epochs: [1, 2], series: [{ name: "clean", values: [0.4, 0.62] }] },
  rows: [],
  fresh: [],
  left_out: 0,
};
const ROWS: Partial<Update> = {
  rows: [
    { epoch: 1, labels: ["cat", "dog"] },
    { epoch: 2, labels: ["cat", "dog"] },
  ],
  fresh: [
    { epoch: 1, count: 2 },
    { epoch: 2, count: 2 },
  ],
};

const receive = (change: Partial<Update> = {}, ...pictures: string[]) =>
  model.receive({ ...UPDATE, ...change }, ...pictures);
const text = (name: string) => root.querySelector(`.rw-training-${name}`)?.textContent;
const buttons = () => [...root.querySelectorAll<HTMLButtonElement>(".rw-training-button")];
const pictures = () => [...root.querySelectorAll<HTMLButtonElement>(".rw-training-picture")];
const press = (target: Element | null | undefined, key: string) =>
  target?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

test("an update is shown, and acknowledged", () => {
  receive();
  expect([text("title"), text("state"), text("about"), text("progress")]).toEqual([
    "a small network",
    "running",
    "CIFAR-10",
    "epoch 2 of 8",
  ]);
  const bar = root.querySelector("[role=progressbar]");
  expect([bar?.getAttribute("aria-valuenow"), bar?.getAttribute("aria-valuetext")]).toEqual(["50", "epoch 2 of 8"]);
  vi.runAllTimers();
  expect(model.sent).toEqual([{ kind: "hello" }, { kind: "ack", sequence: 3 }]);
});

test("only what is offered can be pressed", () => {
  receive();
  model.takeSent();
  for (const button of buttons()) button.click();
  expect(model.sent).toEqual([
    { kind: "press", action: "pause" },
    { kind: "press", action: "stop" },
  ]);
  receive({ offers: ["resume"] });
  expect(buttons().map((button) => button.textContent)).toEqual(["Start", "Resume", "Stop"]);
  expect(buttons().map((button) => button.ariaDisabled)).toEqual(["true", "false", "true"]);
});

test("news is announced, but not what happened before the page was open", () => {
  const announced = () => root.querySelector(".rw-view-announcer")?.textContent;
  receive();
  expect(announced()).toBe("");
  receive();
  expect(announced()).toBe("epoch 1 is done");
});

test("a notice that stays keeps its opened details", () => {
  const notice = "<details><summary>traceback</summary></details>";
  receive({ notice });
  const details = root.querySelector("details");
  receive({ notice });
  expect(root.querySelector("details")).toBe(details);
  receive({ notice: "" });
  expect(root.querySelector("details")).toBeNull();
});

test("arrow keys read the curves, which otherwise show the newest values", () => {
  receive();
  const [loss, accuracy] = root.querySelectorAll("[role=slider]");
  const value = (plot: Element | undefined) => plot?.getAttribute("aria-valuetext");
  expect(value(loss)).toBe("step 50, epoch 2: loss 1.00");
  expect(value(accuracy)).toBe("step 50, epoch 2: clean 62 %");
  press(loss, "ArrowLeft");
  expect(value(loss)).toBe("step 10, epoch 1: loss 2.00");
  receive({ loss: { steps: [10, 50, 60], epochs: [1, 2, 2], values: [2, 1, 0.5] } });
  expect(value(loss)).toBe("step 10, epoch 1: loss 2.00");
  loss?.dispatchEvent(new Event("blur"));
  expect(value(loss)).toBe("step 60, epoch 2: loss 0.500");
});

test("the newest epoch is on top, and arrows go through the grid", () => {
  receive(ROWS, "a", "b", "c", "d");
  const labels = () => pictures().map((button) => button.getAttribute("aria-label"));
  expect(labels()).toEqual(["cat, epoch 2", "dog, epoch 2", "cat, epoch 1", "dog, epoch 1"]);
  expect(pictures().map(({ tabIndex }) => tabIndex)).toEqual([0, -1, -1, -1]);
  pictures()[0]?.focus();
  press(document.activeElement, "ArrowDown");
  press(document.activeElement, "ArrowRight");
  expect(document.activeElement).toBe(pictures()[3]);
  receive({ rows: [{ epoch: 2, labels: ["cat", "dog"] }], left_out: 1 });
  expect(labels()).toEqual(["cat, epoch 2", "dog, epoch 2"]);
  expect(text("gallery-title")).toContain("1 epochs in between are not shown");
});

test("a picture is enlarged, and arrows go to the same seed at other epochs", () => {
  receive(ROWS, "a", "b", "c", "d");
  pictures()[3]?.click();
  const dialog = root.querySelector("dialog");
  const caption = () => dialog?.querySelector("[role=status]")?.textContent;
  expect([dialog?.open, caption()]).toEqual([true, "dog, epoch 1"]);
  press(dialog, "ArrowRight");
  expect(caption()).toBe("dog, epoch 2");
  press(dialog, "ArrowRight");
  expect(caption()).toBe("dog, epoch 2");
  expect(dialog?.querySelector<HTMLElement>(".rw-training-later")?.ariaDisabled).toBe("true");
  dialog?.dispatchEvent(new Event("close"));
  expect(document.activeElement).toBe(pictures()[1]);
});

test("a kernel that ended is reported with what to do, and no button can be pressed", () => {
  receive();
  model.isDead = true;
  buttons()[1]?.click();
  expect(root.querySelector(".rw-kernel-ended")?.textContent).toBe(
    "The kernel has ended. Run the cell again and press Start: training continues from its last checkpoint.",
  );
  expect([root.dataset["state"], text("state")]).toEqual(["failed", "the kernel ended"]);
  expect(buttons().every(({ ariaDisabled }) => ariaDisabled === "true")).toBe(true);
});

test("what was shown of a training stays; a monitor that never had a kernel leaves the place to what was saved", () => {
  vi.useFakeTimers();
  receive();
  model.isDead = true;
  buttons()[1]?.click();
  expect(root.classList.contains("rw-live")).toBe(true);
  const el = document.createElement("div");
  el.className = "jupyter-widgets-disconnected";
  const closeIt = training.render({ model, el });
  vi.runAllTimers();
  expect(el.querySelector(".rw-kernel-ended")?.textContent).toBe(
    "This training monitor has no kernel. Run the cell again.",
  );
  expect(el.querySelector(".rw-live")).toBeNull();
  closeIt();
});

test("a closed monitor listens no more", () => {
  close();
  expect([model.listenerCount, root.isConnected]).toEqual([0, false]);
});

test.each([
  [0, 800, 12.5],
  [100, 800, 100],
  [101, 800, 200],
  [800, 800, 800],
])("at step %i of %i the axis ends at %i", (step, steps, end) => {
  expect(endOfAxis(step, steps)).toBe(end);
});

test.each([
  [[], 0.1],
  [[0.02, null], 0.1],
  [[0.31], 0.4],
  [[0.99], 1],
])("the accuracies %j are drawn up to %f", (values, ceiling) => {
  expect(nextTenth(values)).toBeCloseTo(ceiling);
});
