import { expect, test, vi } from "vitest";
import { element, finder, icon, nextTabStop, setTabStop, setText, suppressLabShortcuts } from "../src/dom";

test("an element has its class, attributes and children", () => {
  const created = element("p", "note", { role: "status" }, "text ", element("b", "", {}, "bold"));
  expect(created.outerHTML).toBe('<p class="note" role="status">text <b>bold</b></p>');
});

test("an icon is hidden from screen readers", () => {
  const svg = icon("M0 0h1");
  expect(svg.getAttribute("aria-hidden")).toBe("true");
  expect(svg.querySelector("path")?.getAttribute("d")).toBe("M0 0h1");
});

test("a part of a template that is missing, or of another kind, is an error", () => {
  const find = finder(element("div", "", {}, element("i", "part")));
  expect(find(".part", HTMLElement).tagName).toBe("I");
  expect(() => find(".other", HTMLElement)).toThrow("no .other");
  expect(() => find(".part", HTMLInputElement)).toThrow("no .part");
});

test("a text is written only if it changes", () => {
  const target = element("p", "", {}, "same");
  const child = target.firstChild;
  setText(target, "same");
  expect(target.firstChild).toBe(child);
  setText(target, "other");
  expect(target.textContent).toBe("other");
});

test("Tab reaches one button of a row, and arrows stay within it", () => {
  const buttons = [element("button"), element("button"), element("button")];
  const [first, second, third] = buttons;
  setTabStop(buttons, second);
  expect(buttons.map(({ tabIndex }) => tabIndex)).toEqual([-1, 0, -1]);
  expect(nextTabStop(buttons, second ?? null, "ArrowRight")).toBe(third);
  expect(nextTabStop(buttons, third ?? null, "ArrowRight")).toBe(third);
  expect(nextTabStop(buttons, first ?? null, "ArrowLeft")).toBe(first);
  expect(nextTabStop(buttons, first ?? null, "End")).toBe(third);
  expect(nextTabStop(buttons, third ?? null, "Home")).toBe(first);
  expect(nextTabStop(buttons, first ?? null, "a")).toBeUndefined();
  expect(nextTabStop(buttons, document.body, "End")).toBeUndefined();
});

test("JupyterLab gets Control keys only, and only while the focus is inside", () => {
  const inside = element("button");
  const outside = element("button");
  const root = element("div", "", {}, inside);
  document.body.append(root, outside);
  const controller = new AbortController();
  suppressLabShortcuts(root, controller.signal);
  const press = (options: KeyboardEventInit) => window.dispatchEvent(new KeyboardEvent("keydown", options));
  const isMarked = (target: HTMLElement) => target.hasAttribute("data-lm-suppress-shortcuts");

  inside.focus();
  press({ key: "b" });
  expect(isMarked(inside)).toBe(true);
  press({ key: "s", ctrlKey: true });
  expect(isMarked(inside)).toBe(false);
  outside.focus();
  press({ key: "b" });
  expect(isMarked(outside)).toBe(false);
  controller.abort();
  inside.focus();
  press({ key: "b" });
  expect(isMarked(inside)).toBe(false);
  vi.restoreAllMocks();
});
