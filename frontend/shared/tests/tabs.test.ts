import { beforeEach, expect, test, vi } from "vitest";
import { Tabs } from "../src/tabs";

const changed = vi.fn();
let tabs: Tabs<"one" | "two">;
let buttons: HTMLButtonElement[];

beforeEach(() => {
  changed.mockReset();
  const labels: ["one" | "two", string][] = [
    ["one", "One"],
    ["two", "Two"],
  ];
  tabs = new Tabs("numbers", labels, changed, new AbortController().signal);
  document.body.append(tabs.root);
  buttons = [...tabs.root.querySelectorAll("button")];
});

const selected = () => buttons.map((button) => button.getAttribute("aria-selected"));

test("the first tab is chosen, and Tab reaches it alone", () => {
  expect(tabs.chosen).toBe("one");
  expect(selected()).toEqual(["true", "false"]);
  expect(buttons.map(({ tabIndex }) => tabIndex)).toEqual([0, -1]);
  expect(tabs.panel.getAttribute("aria-labelledby")).toBe(buttons[0]?.id);
  expect(buttons[0]?.getAttribute("aria-controls")).toBe(tabs.panel.id);
});

test("a click chooses a tab", () => {
  buttons[1]?.click();
  expect(tabs.chosen).toBe("two");
  expect(selected()).toEqual(["false", "true"]);
  expect(tabs.panel.getAttribute("aria-labelledby")).toBe(buttons[1]?.id);
  expect(changed).toHaveBeenCalledOnce();
});

test("arrows choose and focus the next tab; other keys do nothing", () => {
  const press = (key: string) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(event);
    return event.defaultPrevented;
  };
  buttons[0]?.focus();
  expect(press("ArrowRight")).toBe(true);
  expect([tabs.chosen, document.activeElement]).toEqual(["two", buttons[1]]);
  expect(press("x")).toBe(false);
  press("Home");
  expect(tabs.chosen).toBe("one");
});
