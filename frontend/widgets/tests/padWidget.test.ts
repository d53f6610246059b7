/** The pad as a whole: pointers, keys, buttons and messages. */
import { beforeEach, describe, expect, test, vi } from "vitest";
import pad from "../src/pad/index";
import { addHost, FakePad, setSize } from "./pad";

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

const release = (key: string) => surface.dispatchEvent(new KeyboardEvent("keyup", { key, bubbles: true }));
const points = () => model.takeSent().flatMap((message) => (message.kind === "stroke" ? message.points : []));
const button = (label: string) => part(`button[aria-label$="${label}"]`);
const zoom = () => part(".rw-pad-percent").textContent;

describe("pointers", () => {
  test("the mouse paints from press to release", () => {
    pointer("pointerdown", 4, 4);
    pointer("pointermove", 8, 4);
    pointer("pointerup", 9, 4, { buttons: 0 });
    expect(points()).toEqual([
      [4, 4, 1],
      [8, 4, 1],
      [9, 4, 1],
    ]);
    pointer("pointermove", 20, 20, { buttons: 0 });
    expect(model.sent).toEqual([]);
  });

  test("a pen's pressure is sent, and a lifted pen's is not", () => {
    const pen = { pointerType: "pen", pressure: 0.25 };
    pointer("pointerdown", 4, 4, pen);
    pointer("pointermove", 8, 4, { ...pen, pressure: 0.5 });
    pointer("pointerup", 8, 5, { ...pen, pressure: 0, buttons: 0 });
    expect(points()).toEqual([
      [4, 4, 0.25],
      [8, 4, 0.5],
    ]);
  });

  test("the eraser end of a pen erases", () => {
    pointer("pointerdown", 4, 4, { pointerType: "pen", pressure: 1, button: 5, buttons: 32 });
    pointer("pointerup", 4, 4, { pointerType: "pen", buttons: 0 });
    expect(model.sent[0]).toMatchObject({ brush: { tool: "eraser" } });
  });

  test("a button released outside of the page ends the stroke", () => {
    pointer("pointerdown", 4, 4);
    pointer("pointermove", 8, 4, { buttons: 0 });
    expect(model.sent).toMatchObject([{ phase: "end" }]);
  });

  test("Alt picks a colour, but not while an area is drawn", () => {
    pointer("pointerdown", 4, 4, { altKey: true });
    expect(model.takeSent()).toEqual([{ kind: "pick", point: [4, 4] }]);
    model.set("tool", "rectangle");
    pointer("pointerdown", 4, 4, { altKey: true });
    pointer("pointermove", 9, 9, { altKey: true });
    pointer("pointerup", 9, 9, { buttons: 0 });
    expect(model.sent).toMatchObject([{ kind: "area" }]);
  });

  test("the middle button, and Space with the mouse, move the view and paint nothing", () => {
    button("Zoom in").click();
    pointer("pointerdown", 20, 20, { button: 1, buttons: 4 });
    pointer("pointermove", 16, 20, { buttons: 4 });
    pointer("pointerup", 16, 20, { buttons: 0 });
    const moved = host.style.getPropertyValue("--rw-pan-x");
    press(" ");
    pointer("pointerdown", 20, 20);
    pointer("pointermove", 18, 20);
    pointer("pointerup", 18, 20, { buttons: 0 });
    release(" ");
    expect([moved, host.style.getPropertyValue("--rw-pan-x")]).toEqual(["-120px", "-140px"]);
    expect(model.sent).toEqual([]);
  });

  const palm = (id: number) => ({ pointerType: "touch", pointerId: id, isPrimary: id === 7 });
  const pen = { pointerType: "pen", pressure: 0.5 };

  test("a palm that comes after the pen paints nothing and stops nothing", () => {
    pointer("pointerdown", 4, 4, pen);
    pointer("pointerdown", 20, 30, palm(7));
    pointer("pointerdown", 22, 30, palm(8));
    pointer("pointermove", 24, 30, palm(8));
    pointer("pointermove", 8, 4, pen);
    pointer("pointerup", 20, 30, { ...palm(7), buttons: 0 });
    pointer("pointerup", 8, 4, { ...pen, pressure: 0, buttons: 0 });
    expect(points()).toEqual([4, 8].map((x) => [x, 4, 0.5]));
    expect(zoom()).toBe("100%");
  });

  test("a palm that comes before the pen paints nothing either", () => {
    pointer("pointerdown", 20, 30, palm(7));
    pointer("pointermove", 22, 30, palm(7));
    pointer("pointerdown", 4, 4, pen);
    pointer("pointermove", 24, 30, palm(7));
    pointer("pointermove", 8, 4, pen);
    pointer("pointerup", 8, 4, { ...pen, pressure: 0, buttons: 0 });
    pointer("pointerup", 24, 30, { ...palm(7), buttons: 0 });
    expect(points()).toEqual([
      [4, 4, 0.5],
      [8, 4, 0.5],
    ]);
  });

  test("a stroke that the system cancels is taken back", () => {
    pointer("pointerdown", 4, 4);
    pointer("pointermove", 8, 4);
    pointer("pointercancel", 0, 0, { buttons: 0 });
    pointer("pointermove", 9, 4, { buttons: 0 });
    expect(model.takeSent()).toEqual([]);
    pointer("pointerdown", 4, 4);
    vi.advanceTimersByTime(1500);
    pointer("pointermove", 8, 4);
    pointer("pointercancel", 0, 0, { buttons: 0 });
    const sent = model.takeSent().map((message) => message.kind === "stroke" && message.phase);
    expect(sent).toEqual(["begin", "end"]);
  });

  test("a second finger takes back what the first began, and zooms", () => {
    const finger = (id: number) => ({ pointerType: "touch", pointerId: id, isPrimary: id === 1 });
    pointer("pointerdown", 14, 16, finger(1));
    pointer("pointerdown", 18, 16, finger(2));
    pointer("pointermove", 20, 16, finger(2));
    pointer("pointermove", 12, 16, finger(1));
    pointer("pointerup", 12, 16, { ...finger(1), buttons: 0 });
    pointer("pointerup", 20, 16, { ...finger(2), buttons: 0 });
    expect(zoom()).toBe("200%");
    expect(model.sent).toEqual([]);
  });

  test("a finger paints while another is on a second studio of the page", () => {
    const finger = { pointerType: "touch", pointerId: 2, isPrimary: false };
    pointer("pointerdown", 4, 4, finger);
    pointer("pointerup", 8, 4, { ...finger, buttons: 0 });
    expect(points()).toEqual([4, 8].map((x) => [x, 4, 1]));
  });

  test("the wheel zooms with Control only", () => {
    const wheel = (ctrlKey: boolean) => {
      const event = new WheelEvent("wheel", { deltaY: -50, bubbles: true, cancelable: true });
      Object.defineProperty(event, "ctrlKey", { value: ctrlKey });
      surface.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect([wheel(false), zoom()]).toEqual([false, "100%"]);
    expect([wheel(true), zoom()]).toEqual([true, "165%"]);
  });
});

describe("keys", () => {
  test.each([
    ["e", "eraser"],
    ["U", "line"],
    ["g", "fill"],
  ])("%s chooses the %s", (key, tool) => {
    press(key);
    expect([model.get("tool"), model.saved]).toEqual([tool, 1]);
    expect(part(".rw-pad-status").textContent).toBe(tool);
  });

  test("arrows move the cursor, and Space and Enter paint at it", () => {
    press("ArrowRight", { shiftKey: true });
    expect(part(".rw-pad-status").textContent).toBe("19, 16");
    press(" ");
    release(" ");
    expect(points()).toEqual([[19, 16, 1]]);
    press("Enter");
    press("ArrowDown");
    press("Enter");
    expect(points()).toEqual([
      [19, 16, 1],
      [19, 17, 1],
    ]);
  });

  test("Escape cancels the stroke, and else stops the run", () => {
    pointer("pointerdown", 4, 4);
    press("Escape");
    pointer("pointerup", 4, 4, { buttons: 0 });
    expect(model.sent).toEqual([]);
    press("Escape");
    expect(model.sent).toEqual([{ kind: "action", name: "stop" }]);
  });

  test("a key that is held does its action once, except undo, redo and the size", () => {
    press("Enter", { ctrlKey: true, repeat: true });
    press("z", { ctrlKey: true, repeat: true });
    press("]", { repeat: true });
    press("z", { ctrlKey: true, shiftKey: true });
    expect(model.sent).toEqual(["undo", "larger", "redo"].map((name) => ({ kind: "action", name })));
  });

  test("nothing is undone during a stroke", () => {
    pointer("pointerdown", 4, 4);
    press("z", { ctrlKey: true });
    expect(model.sent).toEqual([]);
  });

  test("the layers change only if there is a mask", () => {
    press("m");
    expect(model.get("layer")).toBe("mask");
    press("x");
    expect(model.takeSent()).toEqual([{ kind: "action", name: "invert" }]);
    open({ masking: false });
    press("m");
    press("x");
    expect([model.get("layer"), model.sent]).toEqual(["sketch", []]);
  });

  test("other keys are left to the page", () => {
    expect(press("q").defaultPrevented).toBe(false);
    expect(press("Tab").defaultPrevented).toBe(false);
    expect(press("s", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(surface.hasAttribute("data-lm-suppress-shortcuts")).toBe(false);
    press("b");
    expect(surface.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
  });

  test("signs work with AltGr, which counts as Control and Alt", () => {
    press("[", { ctrlKey: true, altKey: true });
    expect(model.sent).toEqual([{ kind: "action", name: "smaller" }]);
  });

  test("the image without paint shows while its key is held", () => {
    press("\\");
    expect([host.classList.contains("rw-before"), part(".rw-pad-badge").textContent]).toEqual([true, "Before"]);
    release("\\");
    expect(host.classList.contains("rw-before")).toBe(false);
  });

  test("the help opens with the focus, and gives it back", () => {
    press("?");
    const panel = part(".rw-pad-help");
    expect([panel.hidden, document.activeElement]).toEqual([false, button("Close")]);
    panel.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect([panel.hidden, document.activeElement]).toEqual([true, surface]);
    expect(model.sent).toEqual([]);
  });
});

describe("the pad", () => {
  test("says once that its kernel has ended, and how the painting is restored", () => {
    model.isDead = true;
    press("Escape");
    const notice = part(".rw-kernel-ended");
    expect(notice.getAttribute("role")).toBe("alert");
    expect(notice.textContent).toBe("The kernel has ended. Run the cell again to paint.");
    model.isDead = false;
    pointer("pointerdown", 4, 4);
    expect(notice.textContent).toBe("");
  });

  test("shows the layer and the size of its state", () => {
    model.set("layer", "mask");
    expect([surface.dataset["layer"], part(".rw-pad-badge").textContent]).toEqual(["mask", "Mask"]);
    model.set("brush_size", 8);
    expect(part(".rw-pad-ring").style.getPropertyValue("--rw-ring")).toBe("80px");
    model.set("side", 64);
    expect((part(".rw-pad-paper") as HTMLCanvasElement).width).toBe(64);
  });

  test("zooms by its buttons", () => {
    button("Zoom in").click();
    expect(zoom()).toBe("150%");
    button("Zoom out").click();
    button("Zoom in").click();
    button("Zoom to fit").click();
    expect(zoom()).toBe("100%");
  });

  test("ends the stroke and listens no more once it is closed", () => {
    pointer("pointerdown", 4, 4);
    close();
    expect(model.takeSent()).toMatchObject([{ kind: "stroke", phase: "end" }]);
    expect(model.listenerCount).toBe(0);
  });
});

describe("the paint box", () => {
  test("its buttons act at once, and are named and marked for screen readers", async () => {
    vi.useRealTimers();
    const box = document.createElement("div");
    box.className = "rw-paint-box";
    box.innerHTML = `
      <button class="rw-tool rw-choose-tool-line" title="Line (U)"></button>
      <button class="rw-tool rw-choose-layer-mask mod-active" title="Mask"></button>
      <button class="rw-swatch" style="background-color: rgb(0, 128, 255)" title="blue"></button>
      <div class="rw-color"><input></div>`;
    document.body.replaceChildren(box);
    box.append((host = addHost()));
    const { connectBox } = await import("../src/pad/box");
    const { connect } = await import("@robust-widgets/shared/connection");
    const { signal } = new AbortController();
    model = new FakePad({ tool: "eraser" });
    connectBox(
      host,
      connect(model, document.createElement("div"), { kind: "hello" }, () => undefined, signal),
      signal,
    );
    const [line, mask, blue] = box.querySelectorAll("button");
    expect([line?.getAttribute("aria-label"), line?.getAttribute("aria-pressed")]).toEqual(["Line (U)", "false"]);
    expect(mask?.getAttribute("aria-pressed")).toBe("true");
    expect(box.querySelector("input")?.getAttribute("aria-label")).toBe("Colour of the brush");
    expect(host.querySelector("canvas")?.getAttribute("aria-hidden")).toBe("true");
    blue?.click();
    expect([model.get("color"), model.get("tool")]).toEqual(["#0080ff", "brush"]);
    line?.click();
    mask?.click();
    expect([model.get("tool"), model.get("layer")]).toEqual(["line", "mask"]);
    line?.classList.add("mod-active");
    await vi.waitFor(() => expect(line?.getAttribute("aria-pressed")).toBe("true"));
  });
});
