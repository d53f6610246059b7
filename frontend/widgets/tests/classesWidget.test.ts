import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeModel } from "../../shared/tests/fakeModel";
import classes from "../src/classes/index";
import type { Outgoing, PictureMessage, State } from "../src/classes/messages";

let model: FakeModel<State, PictureMessage, Outgoing>;
let el: HTMLElement;
let close: () => void;
let lookAt: (...indices: number[]) => void;

/** An observer for which a test decides what is in view. */
class Observer {
  readonly observed: Element[] = [];
  constructor(private readonly callback: (entries: { target: Element; isIntersecting: boolean }[]) => void) {
    lookAt = (...indices) => this.callback(indices.flatMap((index) => this.seen(this.observed[index])));
  }
  private readonly seen = (target?: Element) => (target ? [{ target, isIntersecting: true }] : []);
  observe(target: Element): void {
    this.observed.push(target);
  }
  disconnect(): void {
    this.observed.length = 0;
  }
}

const state = (sheet: number, names = ["cat", "dog", "goldfish", "lion"]): State => ({
  names,
  matching: names.map((_, index) => index),
  search: "",
  selected: "dog",
  hint: "",
  sheet: new DataView(new ArrayBuffer(sheet)),
  columns: 2,
  painting: true,
});

function open(first: State): void {
  model = new FakeModel<State, PictureMessage, Outgoing>(first);
  el = document.createElement("div");
  document.body.append(el);
  close = classes.render({ model, el });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("IntersectionObserver", Observer);
  open(state(1));
});

afterEach(() => vi.unstubAllGlobals());

const tiles = () => [...el.querySelectorAll<HTMLElement>("[role=option]")];
const names = () => tiles().map(({ title }) => title);
const press = (tile: HTMLElement | undefined, key: string): void => {
  tile?.focus();
  tile?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
};

test("each class is a tile with its part of the sheet once it is in view, and the chosen one is marked", () => {
  expect(names()).toEqual(["cat", "dog", "goldfish", "lion"]);
  lookAt(2);
  const thumb = tiles()[2]?.querySelector<HTMLElement>(".rw-classes-thumb");
  expect(thumb?.style.backgroundPosition).toBe("0px -52px");
  expect(tiles()[0]?.querySelector<HTMLElement>(".rw-classes-thumb")?.style.backgroundImage).toBe("");
  expect(tiles().map((tile) => tile.getAttribute("aria-selected"))).toEqual(["false", "true", "false", "false"]);
  expect(tiles().map(({ tabIndex }) => tabIndex)).toEqual([-1, 0, -1, -1]);
  expect(el.querySelector(".rw-classes-name")?.textContent).toBe("dog");
});

test("typing asks Python, which says what is shown, in which order", () => {
  const field = el.querySelector("input");
  if (!field) throw new Error("no field");
  field.value = "li";
  field.dispatchEvent(new Event("input"));
  expect([model.get("search"), model.saved]).toEqual(["li", 1]);
  model.set("matching", [3, 2]);
  model.set("selected", "lion");
  model.set("hint", "'lion' is also called 'king'.");
  expect(names()).toEqual(["lion", "goldfish"]);
  expect(el.querySelector("[role=status]")?.textContent).toContain("king");
  model.set("matching", []);
  model.set("selected", "");
  expect(el.querySelector(".rw-classes-name")?.textContent).toBe("no class chosen");
});

test("a click and the arrow keys choose; down leads from the field into the list", () => {
  tiles()[3]?.click();
  expect(model.get("selected")).toBe("lion");
  press(tiles()[3], "ArrowLeft");
  expect([model.get("selected"), document.activeElement]).toEqual(["goldfish", tiles()[2]]);
  press(tiles()[2], "Home");
  expect(model.get("selected")).toBe("cat");
  const field = el.querySelector("input");
  field?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true }));
  expect(document.activeElement).toBe(tiles()[0]);
});

test("pictures that are missing are asked for when they come into view, all at once, and shown when painted", () => {
  close();
  open(state(0));
  lookAt(0, 3, 0);
  vi.advanceTimersByTime(1000);
  expect(model.sent).toEqual([{ kind: "hello" }, { kind: "want", classes: [1, 0, 3] }]);
  model.receive({ kind: "picture", index: 3 }, "jpeg");
  const thumb = tiles()[3]?.querySelector<HTMLElement>(".rw-classes-thumb");
  expect(thumb?.style.backgroundImage).toContain("blob:");
  lookAt(3);
  vi.advanceTimersByTime(1000);
  expect(model.sent.length).toBe(2);
});

test("a thousand classes are one list, and only those in view have pictures", () => {
  close();
  open(
    state(
      1,
      Array.from({ length: 1000 }, (_, index) => `class ${index}`),
    ),
  );
  lookAt(...Array.from({ length: 12 }, (_, index) => index));
  const painted = tiles().filter((tile) => tile.querySelector<HTMLElement>("span")?.style.backgroundImage);
  expect([tiles().length, painted.length]).toEqual([1000, 12]);
});

test("a closed picker listens no more", () => {
  close();
  expect([model.listenerCount, el.childElementCount]).toEqual([0, 0]);
});
