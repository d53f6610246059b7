/** The list of layers: show, hide, lock, and the result over the sketch. */
import { beforeEach, expect, test, vi } from "vitest";
import pad from "../src/pad/index";
import { addHost, FakePad, setSize } from "./pad";

let model: FakePad;
let host: HTMLElement;

const part = (selector: string): HTMLElement => {
  const match = host.querySelector<HTMLElement>(selector);
  if (!match) throw new Error(selector);
  return match;
};
const button = (label: string) => part(`.rw-pad-layers button[aria-label="${label}"]`);
const pressed = (label: string) => button(label).getAttribute("aria-pressed");
const state = () => part(".rw-pad-layers-state").textContent;
const surface = () => part(".rw-pad-surface");

function paint(): void {
  for (const type of ["pointerdown", "pointerup"]) {
    const options = { pointerId: 1, pointerType: "mouse", button: 0, clientX: 40, clientY: 40, bubbles: true };
    surface().dispatchEvent(new PointerEvent(type, { ...options, buttons: type === "pointerdown" ? 1 : 0 }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  document.body.replaceChildren();
  host = addHost();
  model = new FakePad();
  const el = document.createElement("div");
  host.append(el);
  pad.render({ model, el });
  setSize(surface(), 320);
  surface().setPointerCapture = vi.fn();
  model.takeSent();
});

test("layers are listed from the top, and all are shown at first", () => {
  const rows = [...host.querySelectorAll<HTMLElement>(".rw-pad-layer:not([hidden])")];
  expect(rows.map((row) => row.getAttribute("aria-label"))).toEqual(["Mask", "Sketch", "Picture"]);
  expect(["Show the mask", "Show the sketch", "Show the picture"].map(pressed)).toEqual(["true", "true", "true"]);
  expect(["Lock the mask", "Lock the sketch", "Lock the picture"].map(pressed)).toEqual(["false", "false", "false"]);
  expect(state()).toBe("");
});

test("a layer is hidden and shown again, and the folded list says so", () => {
  button("Show the sketch").click();
  expect([model.get("hidden"), pressed("Show the sketch"), state()]).toEqual([["sketch"], "false", "sketch hidden"]);
  button("Lock the picture").click();
  expect([model.get("locked"), state()]).toEqual([["image"], "sketch hidden, picture locked"]);
  button("Show the sketch").click();
  button("Lock the picture").click();
  expect([model.get("hidden"), model.get("locked"), state()]).toEqual([[], [], ""]);
});

test("nothing is painted on a hidden or a locked layer, and the painting says why for a moment", () => {
  model.set("locked", ["sketch"]);
  paint();
  expect(model.takeSent()).toEqual([]);
  expect([part(".rw-pad-badge").textContent, part(".rw-pad-status").textContent]).toEqual([
    "sketch locked",
    "sketch locked",
  ]);
  vi.advanceTimersByTime(3000);
  expect(part(".rw-pad-badge").textContent).toBe("");
  model.set("locked", []);
  model.set("hidden", ["sketch"]);
  paint();
  expect([model.takeSent(), part(".rw-pad-badge").textContent]).toEqual([[], "sketch hidden"]);
  model.set("hidden", ["image"]);
  paint();
  expect(model.takeSent()).toMatchObject([{ kind: "stroke" }]);
});

test("a hidden layer's colours can still be picked", () => {
  model.set("locked", ["sketch"]);
  model.set("tool", "eyedropper");
  paint();
  expect(model.takeSent()).toMatchObject([{ kind: "pick" }]);
});

test("H hides the layer that is painted on, and shows it again", () => {
  model.set("layer", "mask");
  const press = () => surface().dispatchEvent(new KeyboardEvent("keydown", { key: "h", bubbles: true }));
  press();
  expect([model.get("hidden"), host.classList.contains("rw-no-mask")]).toEqual([["mask"], true]);
  press();
  expect([model.get("hidden"), host.classList.contains("rw-no-mask")]).toEqual([[], false]);
});

test("the mask is listed only where there is one", () => {
  model.set("hidden", ["mask"]);
  model.set("masking", false);
  expect([part("[data-layer=mask]").hidden, state()]).toEqual([true, ""]);
});
