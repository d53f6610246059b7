import { beforeEach, expect, test, vi } from "vitest";
import { Transport } from "../src/transport";
import { ENGLISH } from "../src/words";

const COUNT = 4;
let closed: AbortController;
let transport: Transport;
let at = 0;
const moves: number[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  moves.length = 0;
  closed = new AbortController();
  transport = new Transport(
    (index) => {
      moves.push(index);
      show(index);
    },
    closed.signal,
    ENGLISH,
  );
  document.body.append(transport.root);
  transport.root.addEventListener("keydown", transport.keydown);
  show(1);
});

function show(index: number, count = COUNT): void {
  at = index;
  transport.show(index, count, `${index} / ${count}`, `step ${index}`);
}

function part(name: string): HTMLElement {
  const match = transport.root.querySelector<HTMLElement>(`.rw-view-${name}`);
  if (!match) throw new Error(name);
  return match;
}

const slider = () => part("slider") as HTMLInputElement;
const press = (key: string, target: HTMLElement = transport.root, options: KeyboardEventInit = {}) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));

test("the position is shown, and read out", () => {
  expect([slider().value, slider().max]).toEqual(["1", "3"]);
  expect(slider().getAttribute("aria-valuetext")).toBe("step 1");
  expect(part("step").textContent).toBe("1 / 4");
});

test("each button goes where it says, and not past the ends", () => {
  for (const name of ["next", "last", "next", "previous", "first", "previous"]) part(name).click();
  expect(moves).toEqual([2, 3, 3, 2, 0, 0]);
});

test("the slider goes to its position", () => {
  slider().value = "3";
  slider().dispatchEvent(new Event("input"));
  expect(moves).toEqual([3]);
});

test("keys step and jump; up and down only on the slider, and none with Control", () => {
  for (const key of ["ArrowRight", "End", "ArrowLeft", "Home"]) press(key);
  expect(moves.splice(0)).toEqual([2, 3, 2, 0]);
  press("ArrowUp");
  press("ArrowRight", transport.root, { ctrlKey: true });
  press("ArrowRight", part("speed"));
  expect(moves).toEqual([]);
  press("ArrowUp", slider());
  press("ArrowDown", slider());
  expect(moves).toEqual([1, 0]);
});

test("playing goes on to the end, and stops there", () => {
  part("play").click();
  expect(part("play").title).toBe("pause");
  vi.advanceTimersByTime(1000);
  expect(moves).toEqual([2, 3]);
  expect(part("play").title).toBe("play");
  press(" ");
  vi.advanceTimersByTime(70);
  expect(moves).toEqual([2, 3, 0, 1]);
});

test("a loop starts again, until something else is asked for", () => {
  part("loop").click();
  expect(part("loop").getAttribute("aria-pressed")).toBe("true");
  part("play").click();
  vi.advanceTimersByTime(300);
  expect(moves).toEqual([2, 3, 0, 1]);
  part("first").click();
  vi.advanceTimersByTime(1000);
  expect(moves).toEqual([2, 3, 0, 1, 0]);
});

test("the speed changes while it plays", () => {
  part("loop").click();
  part("play").click();
  const speed = part("speed") as HTMLSelectElement;
  expect(speed.value).toBe("1");
  speed.value = "4";
  speed.dispatchEvent(new Event("change"));
  vi.advanceTimersByTime(300);
  expect(moves.length).toBeGreaterThan(12);
});

test("with nothing to play all is disabled", () => {
  show(0, 0);
  const controls = [...transport.root.querySelectorAll<HTMLButtonElement>("button, input, select")];
  expect(controls.every(({ disabled }) => disabled)).toBe(true);
  transport.toggle();
  press("End");
  vi.advanceTimersByTime(1000);
  expect(moves).toEqual([]);
});

test("a closed widget does not play on", () => {
  part("play").click();
  closed.abort();
  vi.advanceTimersByTime(1000);
  expect([moves, at]).toEqual([[], 1]);
});
