import { expect, test, vi } from "vitest";
import pad from "../src/pad/index";
import { FakePad } from "./pad";

test.each([
  [true, "This studio has no kernel. Run the cell again to restore the painting."],
  [false, "This studio has no kernel. Run the cell again to paint."],
])("a pad of a saved notebook says at once that it has no kernel, and takes nothing", (autosaved, text) => {
  vi.useFakeTimers();
  const el = document.createElement("div");
  el.className = "jupyter-widgets-disconnected";
  document.body.append(el);
  const model = new FakePad({ autosaved });
  const close = pad.render({ model, el });
  vi.runAllTimers();
  expect(el.querySelector(".rw-kernel-ended")?.textContent).toBe(text);
  el.querySelector(".rw-pad-surface")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  close();
  expect(model.sent).toEqual([]);
});
