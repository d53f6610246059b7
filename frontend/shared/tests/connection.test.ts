import { beforeEach, expect, test, vi } from "vitest";
import { connect, kernelText, trySend } from "../src/connection";
import { FakeModel } from "./fakeModel";

type Message = { kind: "hello" } | { kind: "other" };

let model: FakeModel<object, never, Message>;
let closed: AbortController;
let view: HTMLElement;
const changed = vi.fn();

beforeEach(() => {
  model = new FakeModel({});
  closed = new AbortController();
  view = document.createElement("div");
  changed.mockReset();
});

const open = () => connect(model, view, { kind: "hello" }, changed, closed.signal);

test("a message to a dead kernel is not sent, and raises nothing", () => {
  expect(trySend(model, { kind: "hello" })).toBe(true);
  model.isDead = true;
  expect(trySend(model, { kind: "hello" })).toBe(false);
  expect(model.sent).toHaveLength(1);
});

test("a lost kernel is reported once, and so is its return", () => {
  const connection = open();
  expect(connection.send({ kind: "other" })).toBe(true);
  expect(changed).not.toHaveBeenCalled();
  model.isDead = true;
  expect([connection.send({ kind: "other" }), connection.send({ kind: "other" })]).toEqual([false, false]);
  expect(changed.mock.calls).toEqual([["ended"]]);
  expect(connection.isAlive()).toBe(false);
  model.isDead = false;
  expect(connection.isAlive()).toBe(true);
  expect(changed.mock.calls).toEqual([["ended"], ["running"]]);
  expect(model.sent.at(-1)).toEqual({ kind: "hello" });
});

test("a live kernel is not probed", () => {
  expect(open().isAlive()).toBe(true);
  expect(model.sent).toEqual([]);
});

test("a reported restart probes the kernel a moment later, unless the widget is closed", () => {
  vi.useFakeTimers();
  open();
  model.isDead = true;
  model.emit("comm_live_update");
  expect(changed).not.toHaveBeenCalled();
  vi.runAllTimers();
  expect(changed).toHaveBeenCalledWith("ended");

  model.isDead = false;
  model.emit("comm_live_update");
  closed.abort();
  vi.runAllTimers();
  expect(model.sent).toEqual([]);
  expect(model.listenerCount).toBe(0);
});

test("a view that a saved notebook brought back without a kernel is reported once, until its kernel is there", () => {
  vi.useFakeTimers();
  view.classList.add("jupyter-widgets-disconnected");
  const connection = open();
  expect(connection.send({ kind: "hello" })).toBe(false);
  expect(changed).not.toHaveBeenCalled();
  vi.runAllTimers();
  expect(changed.mock.calls).toEqual([["absent"]]);
  expect([connection.isAlive(), connection.send({ kind: "other" }), model.sent]).toEqual([false, false, []]);

  view.classList.remove("jupyter-widgets-disconnected");
  model.emit("comm_live_update");
  vi.runAllTimers();
  expect(changed.mock.calls).toEqual([["absent"], ["running"]]);
});

test("a view that is closed at once reports nothing", () => {
  vi.useFakeTimers();
  view.classList.add("jupyter-widgets-disconnected");
  open();
  closed.abort();
  vi.runAllTimers();
  expect(changed).not.toHaveBeenCalled();
});

test("what is said of a kernel tells one that ended from none", () => {
  const texts = (["running", "ended", "absent"] as const).map((kernel) => kernelText(kernel, "studio", "Run it."));
  expect(texts).toEqual(["", "The kernel has ended. Run it.", "This studio has no kernel. Run it."]);
});
