/** Colours of the picture, the settings of a pen, and pictures that are dropped. */
import { beforeEach, describe, expect, test, vi } from "vitest";
import { contextFor } from "../../shared/tests/canvas";
import pad from "../src/pad/index";
import { addHost, FakePad, fill, setSize } from "./pad";

const DISPLAY = 320;
let model: FakePad;
let host: HTMLElement;
let surface: HTMLElement;
let close: () => void;

function open(change: ConstructorParameters<typeof FakePad>[0] = {}): void {
  document.body.replaceChildren();
  host = addHost();
  model = new FakePad(change);
  const el = document.createElement("div");
  host.append(el);
  close = pad.render({ model, el });
  surface = part(".rw-pad-surface");
  setSize(surface, DISPLAY);
  surface.setPointerCapture = vi.fn();
  model.takeSent();
}

beforeEach(() => {
  vi.useFakeTimers();
  open();
});

function part(selector: string): HTMLElement {
  const match = host.querySelector<HTMLElement>(selector);
  if (!match) throw new Error(selector);
  return match;
}

function pointer(type: string, x: number, y: number, options: PointerEventInit = {}): void {
  const defaults = { pointerId: 1, pointerType: "mouse", isPrimary: true, button: 0, buttons: 1 };
  const place = { clientX: 10 * x, clientY: 10 * y, bubbles: true, cancelable: true };
  surface.dispatchEvent(new PointerEvent(type, { ...defaults, ...place, ...options }));
}

function press(key: string, options: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options });
  surface.dispatchEvent(event);
  return event;
}

const button = (label: string) => part(`button[aria-label$="${label}"]`);

test("what a pen's pressure sets, and its curve, can be chosen once a pen was seen, and is remembered", () => {
  const pen = { pointerType: "pen", pressure: 0.25 };
  const dot = () => {
    pointer("pointerdown", 4, 4, pen);
    pointer("pointerup", 4, 4, { ...pen, pressure: 0, buttons: 0 });
    const [sent] = model.takeSent();
    return sent?.kind === "stroke" ? [sent.brush.pressure, sent.points[0]?.[2]] : [];
  };
  const set = (label: string, value: string) => {
    const field = part(`select[aria-label="${label}"]`) as HTMLSelectElement;
    field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  expect(part(".rw-pad-pen").hidden).toBe(true);
  expect(dot()).toEqual(["size", 0.25]);
  expect(part(".rw-pad-pen").hidden).toBe(false);
  set("What the pen's pressure sets", "both");
  set("How the pen answers pressure", "soft");
  expect(dot()).toEqual(["both", 0.5]);
  set("How the pen answers pressure", "firm");
  close();
  open();
  expect(part(".rw-pad-pen").hidden).toBe(false);
  expect(dot()).toEqual(["both", 0.063]);
  localStorage.clear();
});

describe("colours", () => {
  const swatches = () => [...host.querySelectorAll<HTMLElement>(".rw-pad-swatch:not([hidden])")];

  test("of the picture are shown, and a press paints with one", () => {
    const image = host.querySelector<HTMLCanvasElement>(".rw-layer-image");
    fill(image, [10, 20, 30, 255]);
    if (image) contextFor(image).set(3, 3, [200, 40, 0, 255]);
    press("c");
    expect(swatches().map(({ title }) => title)).toEqual(["Paint #0a141e", "Paint #c82800"]);
    expect(button("Colours of the picture").getAttribute("aria-pressed")).toBe("true");
    model.set("tool", "eyedropper");
    swatches()[1]?.click();
    expect([model.get("color"), model.get("tool")]).toEqual(["#c82800", "brush"]);
    press("c");
    expect(part(".rw-pad-colors").hidden).toBe(true);
  });

  test("are those of the painting where there is no picture, and none of an empty canvas", () => {
    press("c");
    expect([part(".rw-pad-colors").hidden, part(".rw-pad-status").textContent]).toEqual([
      true,
      "There is no picture yet",
    ]);
    fill(host.querySelector(".rw-layer-painting"), [0, 200, 0, 255]);
    button("Colours of the picture").click();
    expect(swatches().map(({ dataset }) => dataset["color"])).toEqual(["#00c800"]);
  });

  test("at the keyboard's cursor are told while it picks", () => {
    fill(host.querySelector(".rw-layer-painting"), [0, 200, 0, 255]);
    model.set("tool", "eyedropper");
    press("ArrowRight");
    expect(part(".rw-pad-status").textContent).toBe("17, 16, #00c800");
    expect([part(".rw-pad-color").hidden, part(".rw-pad-color").textContent]).toEqual([false, "#00c800"]);
    surface.dispatchEvent(new Event("blur"));
    expect(part(".rw-pad-color").hidden).toBe(true);
  });
});

describe("a dropped file", () => {
  const drop = (...files: File[]) => dropAll(files);
  const dropAll = (files: File[], texts: Record<string, string> = {}) => {
    const event = new Event("drop", { bubbles: true, cancelable: true });
    const getData = (type: string) => texts[type] ?? "";
    Object.defineProperty(event, "dataTransfer", { value: { types: ["Files"], files, getData } });
    surface.dispatchEvent(event);
  };

  test("of the web sends its address, and other text is refused", async () => {
    vi.useRealTimers();
    dropAll([], { "text/uri-list": "# a comment\r\nhttps://example.org/cat.png\r\n", "text/plain": "a cat" });
    dropAll([], { "text/plain": " http://example.org/dog " });
    dropAll([], { "text/plain": "see https://example.org/dog" });
    dropAll([], { "text/plain": "file:///etc/passwd" });
    await vi.waitFor(() => expect(model.sent).toHaveLength(4));
    expect(model.sent).toMatchObject([
      { kind: "address", address: "https://example.org/cat.png" },
      { kind: "address", address: "http://example.org/dog" },
      { kind: "refused" },
      { kind: "refused" },
    ]);
  });

  /** What happens when a picture's file is loaded. */
  const load = (happen: (image: HTMLImageElement) => unknown) => {
    vi.spyOn(Image.prototype, "src", "set").mockImplementation(function (this: HTMLImageElement) {
      queueMicrotask(() => happen(this));
    });
  };

  test("with more pixels than a page can hold is refused before it is decoded", async () => {
    vi.useRealTimers();
    const decode = vi.spyOn(Image.prototype, "decode");
    for (const side of ["naturalWidth", "naturalHeight"] as const) {
      vi.spyOn(Image.prototype, side, "get").mockReturnValue(20_000);
    }
    load((image) => image.dispatchEvent(new Event("load")));
    drop(new File(["png"], "huge.png", { type: "image/png" }));
    await vi.waitFor(() => expect(model.sent).toHaveLength(1));
    expect(model.sent).toMatchObject([
      { kind: "refused", reason: "it has 20000 × 20000 pixels, and pictures have at most 64 megapixels" },
    ]);
    expect(decode).not.toHaveBeenCalled();
  });

  test("that is no picture is refused with a reason", async () => {
    vi.useRealTimers();
    load((image) => image.dispatchEvent(new Event("error")));
    drop(new File(["text"], "notes.txt", { type: "text/plain" }));
    await vi.waitFor(() => expect(model.sent).toHaveLength(1));
    expect(model.sent).toEqual([
      { kind: "refused", name: "notes.txt", reason: "the browser cannot read it as a picture" },
    ]);
  });

  test("that is missing is refused, too", async () => {
    vi.useRealTimers();
    drop();
    await vi.waitFor(() => expect(model.sent).toHaveLength(1));
    expect(model.sent).toEqual([{ kind: "refused", name: "picture", reason: "it contains no picture file" }]);
  });
});
