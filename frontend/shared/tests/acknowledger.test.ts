import { beforeEach, expect, test, vi } from "vitest";
import { Acknowledger } from "../src/acknowledger";

const send = vi.fn();
let closed: AbortController;
let acknowledger: Acknowledger;

beforeEach(() => {
  vi.useFakeTimers();
  send.mockReset();
  closed = new AbortController();
  acknowledger = new Acknowledger(send, closed.signal);
});

test("the first frame is acknowledged at once, those that follow together and at most three times a second", () => {
  acknowledger.seen(0);
  vi.advanceTimersByTime(0);
  expect(send.mock.calls).toEqual([[0]]);
  for (let sequence = 1; sequence <= 9; sequence++) {
    acknowledger.seen(sequence);
    vi.advanceTimersByTime(30);
  }
  expect(send).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(30);
  expect(send.mock.calls).toEqual([[0], [9]]);
});

test("the newest is acknowledged, in whatever order frames are painted, and only once", () => {
  acknowledger.seen(5);
  acknowledger.seen(3);
  vi.runAllTimers();
  acknowledger.seen(5);
  vi.runAllTimers();
  expect(send.mock.calls).toEqual([[5]]);
});

test("after a new run, sequence numbers start again", () => {
  acknowledger.seen(7);
  acknowledger.forget();
  acknowledger.seen(0);
  vi.runAllTimers();
  expect(send.mock.calls).toEqual([[0]]);
});

test("a closed widget acknowledges nothing", () => {
  acknowledger.seen(1);
  closed.abort();
  vi.runAllTimers();
  expect(send).not.toHaveBeenCalled();
});
