import { beforeEach, expect, test } from "vitest";
import { FakeModel } from "../../shared/tests/fakeModel";
import palette from "../src/palette/index";

const ENTRIES = [
  { name: "3", classes: ["cat", "tiger"] },
  { name: "7", classes: ["dog"] },
  { name: "12", classes: ["Tiger shark"] },
];

interface State {
  entries: typeof ENTRIES;
  sheet: DataView<ArrayBuffer>;
  columns: number;
  value: string;
  label: string;
}
interface Sent {
  kind: "pick";
  name: string;
}

let model: FakeModel<State, never, Sent>;
let el: HTMLElement;
let close: () => void;

beforeEach(() => {
  const sheet = new DataView(new ArrayBuffer(1));
  model = new FakeModel({ entries: ENTRIES, sheet, columns: 2, value: "7", label: "features" });
  el = document.createElement("div");
  document.body.append(el);
  close = palette.render({ model, el });
});

const tiles = () => [...el.querySelectorAll<HTMLElement>("[role=option]")];
const description = () => el.querySelector(".rw-palette-chosen")?.textContent;

function search(text: string): void {
  const field = el.querySelector("input");
  if (!field) throw new Error("no field");
  field.value = text;
  field.dispatchEvent(new Event("input"));
}

function press(tile: HTMLElement | undefined, key: string): void {
  tile?.focus();
  tile?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

test("each feature is a tile with its part of the sheet", () => {
  expect(tiles().map(({ title }) => title)).toEqual([
    "3: fires for cat, tiger",
    "7: fires for dog",
    "12: fires for Tiger shark",
  ]);
  expect(tiles().map(({ style }) => style.backgroundPosition)).toEqual(["0px 0px", "-48px 0px", "0px -48px"]);
});

test("the chosen one is marked, described, and the one that Tab reaches", () => {
  expect(tiles().map((tile) => tile.getAttribute("aria-selected"))).toEqual(["false", "true", "false"]);
  expect(tiles().map(({ tabIndex }) => tabIndex)).toEqual([-1, 0, -1]);
  expect(description()).toBe("7 fires for dog");
  model.set("value", "3");
  expect(description()).toBe("3 fires for cat, tiger");
});

test("the search finds names and classes", () => {
  search(" TIGER ");
  expect(tiles().map(({ dataset }) => dataset["name"])).toEqual(["3", "12"]);
  expect(tiles()[0]?.tabIndex).toBe(0);
  search("unicorn");
  expect([tiles().length, description()]).toEqual([0, "No feature has this name."]);
});

test("a click picks a feature, but not the chosen one again", () => {
  tiles()[1]?.click();
  tiles()[2]?.click();
  expect(model.sent).toEqual([{ kind: "pick", name: "12" }]);
});

test("arrows move the focus, and Enter picks", () => {
  const [first, second, third] = tiles();
  press(first, "ArrowRight");
  expect(document.activeElement).toBe(second);
  press(second, "End");
  expect([document.activeElement, third?.tabIndex, second?.tabIndex]).toEqual([third, 0, -1]);
  press(third, "ArrowDown");
  expect(document.activeElement).toBe(third);
  press(third, "Enter");
  expect(model.sent).toEqual([{ kind: "pick", name: "12" }]);
});

test("without a kernel a click raises nothing", () => {
  model.isDead = true;
  tiles()[0]?.click();
  expect(model.sent).toEqual([]);
});

test("a closed palette listens no more", () => {
  close();
  expect([model.listenerCount, el.childElementCount]).toEqual([0, 0]);
});
