import { beforeEach, expect, test, vi } from "vitest";
import { connect, trySend } from "../src/connection";
import { FakeModel } from "./fakeModel";

type Message = { kind: "hello" } | { kind: "other" };

let model: FakeModel<object, never, Message>;
let closed: AbortController;
const changed = vi.fn();

beforeEach(() => {
  model = new FakeModel({});
  closed = new AbortController();
  changed.mockReset();
});

const open = () => connect(model, { kind: "hello" }, changed, closed.signal);

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
  expect(changed.mock.calls).toEqual([[true]]);
  expect(connection.isAlive()).toBe(false);
  model.isDead = false;
  expect(connection.isAlive()).toBe(true);
  expect(changed.mock.calls).toEqual([[true], [false]]);
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
  expect(changed).toHaveBeenCalledWith(true);

  model.isDead = false;
  model.emit("comm_live_update");
  closed.abort();
  vi.runAllTimers();
  expect(model.sent).toEqual([]);
  expect(model.listenerCount).toBe(0);
});
