import { afterEach, vi } from "vitest";
import { installCanvas } from "./canvas";

installCanvas();

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  document.body.replaceChildren();
});
