/** A picture is moved and scaled over the painting before it is put down. */
import { beforeEach, expect, test, vi } from "vitest";
import pad from "../src/pad/index";
import { addHost, FakePad, setSize } from "./pad";

const DISPLAY = 320;
let model: FakePad;
let host: HTMLElement;
let area: HTMLElement;

const part = (selector: string): HTMLElement => {
  const match = host.querySelector<HTMLElement>(selector);
  if (!match) throw new Error(selector);
  return match;
};
const layer = () => part(".rw-pad-place");
const place = () => layer().dataset["place"]?.split(" ").map(Number);
const placed = () => model.takeSent().flatMap((sent) => (sent.kind === "picture" ? [sent.place] : []));

/** The kernel brings a picture of 64 by 32 pixels, which the pad reads as any other. */
async function bring(name = "cat.png"): Promise<void> {
  model.receive({ kind: "bring", name, type: "image/png" }, "a picture");
  await vi.waitFor(() => expect(layer().hidden).toBe(false));
}

function pointer(type: string, x: number, y: number, options: PointerEventInit = {}, target: Element = area): void {
  const defaults = { pointerId: 1, pointerType: "mouse", isPrimary: true, button: 0, buttons: 1 };
  const at = { clientX: 10 * x, clientY: 10 * y, bubbles: true, cancelable: true };
  target.dispatchEvent(new PointerEvent(type, { ...defaults, ...at, ...options }));
}

const press = (key: string, options: KeyboardEventInit = {}) =>
  area.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));

beforeEach(async () => {
  vi.spyOn(Image.prototype, "src", "set").mockImplementation(function (this: HTMLImageElement, url: string) {
    this.setAttribute("src", url);
    queueMicrotask(() => this.dispatchEvent(new Event("load")));
  });
  Object.assign(Image.prototype, { decode: () => Promise.resolve() });
  vi.spyOn(Image.prototype, "naturalWidth", "get").mockReturnValue(64);
  vi.spyOn(Image.prototype, "naturalHeight", "get").mockReturnValue(32);
  vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((done: BlobCallback, type?: string) =>
    done(new Blob(["png"], { type: type ?? "" })),
  );
  document.body.replaceChildren();
  host = addHost();
  model = new FakePad();
  const el = document.createElement("div");
  host.append(el);
  pad.render({ model, el });
  setSize(part(".rw-pad-surface"), DISPLAY);
  area = part(".rw-pad-place-area");
  area.setPointerCapture = vi.fn();
  model.takeSent();
  await bring();
});

test("it fills the painting at first, takes the focus, and Enter puts it down", () => {
  expect(document.activeElement).toBe(area);
  expect(model.takeSent()).toEqual([]);
  press("Enter");
  expect(model.takeSent()).toEqual([{ kind: "picture", name: "cat.png", type: "image/png", place: [-16, 0, 64, 32] }]);
  expect([layer().hidden, document.activeElement === part(".rw-pad-surface")]).toEqual([true, true]);
});

test("Escape leaves it out, and so does undo", async () => {
  press("Escape");
  expect([layer().hidden, model.takeSent()]).toEqual([true, []]);
  await bring();
  press("z", { ctrlKey: true });
  expect([layer().hidden, model.takeSent()]).toEqual([true, []]);
});

test("keys move it, scale it, and change its shape", () => {
  press("1");
  expect(place()).toEqual([0, 8, 32, 16]);
  press("ArrowRight");
  press("ArrowUp", { shiftKey: true });
  expect(place()).toEqual([1, 6, 32, 16]);
  press("+");
  expect(place()).toEqual([0.2, 5.6, 33.6, 16.8]);
  press("-");
  press("[");
  expect(place()?.slice(2)).toEqual([30.5, 16]);
  press("0");
  expect(place()).toEqual([-16, 0, 64, 32]);
  expect(part(".rw-pad-status").textContent).toBe("at -16, 0, 64 by 32");
});

test("the mouse moves it, and a handle scales it and keeps its shape, except with Shift", () => {
  press("1");
  pointer("pointerdown", 10, 10);
  pointer("pointermove", 14, 12);
  pointer("pointerup", 14, 12);
  expect(place()).toEqual([4, 10, 32, 16]);
  const handle = part("[data-corner='2']");
  pointer("pointerdown", 31, 26, {}, handle);
  pointer("pointermove", 15, 18);
  pointer("pointerup", 15, 18);
  expect(place()).toEqual([4, 10, 16, 8]);
  pointer("pointerdown", 20, 18, {}, handle);
  pointer("pointermove", 30, 28, { shiftKey: true });
  pointer("pointerup", 30, 28);
  expect(place()).toEqual([4, 10, 26, 18]);
});

test("two fingers scale it, and the one that stays goes on moving it", () => {
  press("1");
  const finger = (id: number) => ({ pointerType: "touch", pointerId: id });
  pointer("pointerdown", 12, 16, finger(1));
  pointer("pointerdown", 20, 16, finger(2));
  pointer("pointermove", 18, 16, finger(1));
  expect(place()?.slice(2)).toEqual([16, 8]); // no smaller than can be taken hold of
  pointer("pointerup", 18, 16, finger(1));
  const before = place();
  pointer("pointermove", 22, 18, finger(2));
  expect(place()?.[0]).toBeCloseTo((before?.[0] ?? 0) + 2, 1);
});

test("a press beside it, on the painting or on the page, puts it down", async () => {
  press("1");
  pointer("pointerdown", 10, 2);
  expect(placed()).toEqual([[0, 8, 32, 16]]);
  await bring();
  const elsewhere = document.createElement("button");
  document.body.append(elsewhere);
  pointer("pointerdown", 0, 0, {}, elsewhere);
  expect(placed()).toEqual([[-16, 0, 64, 32]]);
});

test("Ctrl-Enter puts it down before the run", () => {
  press("Enter", { ctrlKey: true });
  expect(model.takeSent()).toMatchObject([{ kind: "picture" }, { kind: "action", name: "run" }]);
});

test("another picture is placed over the one before", async () => {
  model.receive({ kind: "bring", name: "dog.png", type: "image/png" }, "a picture");
  await vi.waitFor(() => expect(model.sent).toMatchObject([{ kind: "picture", name: "cat.png" }]));
  expect(layer().hidden).toBe(false);
});

test("it stays where no kernel takes it", () => {
  model.isDead = true;
  press("Enter");
  expect(layer().hidden).toBe(false);
});
