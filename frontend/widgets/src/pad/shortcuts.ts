import type { Action, Tool } from "./messages";

/** What a key does on the pad: an action in Python, a tool, or something local to the browser. */
export type Command =
  | { action: Action }
  | { tool: Tool }
  | { local: "layer" | "before" | "help" | "zoomIn" | "zoomOut" | "zoomFit" | "stop" };

const PLAIN: Record<string, Command> = {
  b: { tool: "brush" },
  e: { tool: "eraser" },
  u: { tool: "line" },
  r: { tool: "rectangle" },
  l: { tool: "lasso" },
  g: { tool: "fill" },
  i: { tool: "eyedropper" },
  m: { local: "layer" },
  x: { action: "invert" },
  0: { local: "zoomFit" },
  escape: { local: "stop" },
};
// The keyboard layout decides whether these need Shift or AltGr, which is reported as Control and Alt.
const SIGNS: Record<string, Command> = {
  "[": { action: "smaller" },
  "]": { action: "larger" },
  "\\": { local: "before" },
  "?": { local: "help" },
  "+": { local: "zoomIn" },
  "=": { local: "zoomIn" },
  "-": { local: "zoomOut" },
};

/** The command of a key; undefined if it has none. */
export function commandFor(event: KeyboardEvent): Command | undefined {
  const key = nameOf(event);
  if (key in SIGNS && (event.altKey || !event.ctrlKey) && !event.metaKey) return SIGNS[key];
  if (event.ctrlKey || event.metaKey) {
    if (event.altKey) return undefined;
    if (key === "z") return { action: event.shiftKey ? "redo" : "undo" };
    if (event.shiftKey) return undefined;
    if (key === "y" && event.ctrlKey) return { action: "redo" };
    return key === "enter" ? { action: "run" } : undefined;
  }
  return event.altKey || event.shiftKey ? undefined : PLAIN[key];
}

/** The key's name in lower case. Browsers that fill in forms send keydown events without one. */
function nameOf(event: Partial<KeyboardEvent>): string {
  return event.key?.toLowerCase() ?? "";
}

/** The shortcuts as the help lists them, in groups. */
export const HELP: [string, [string[], string][]][] = [
  [
    "Tools",
    [
      [["B"], "Brush"],
      [["E"], "Eraser"],
      [["U"], "Line"],
      [["R"], "Rectangle"],
      [["L"], "Lasso: fill an area"],
      [["G"], "Fill"],
      [["I"], "Pick a colour"],
      [["Alt-click"], "Pick with any tool"],
      [["[", "]"], "Brush size"],
      [["Shift-drag"], "Straight line, or square"],
    ],
  ],
  [
    "Layers and history",
    [
      [["M"], "Sketch or mask"],
      [["X"], "Invert the mask"],
      [["\\"], "Hold: the image without paint"],
      [["Ctrl-Z"], "Undo"],
      [["Ctrl-Shift-Z"], "Redo; also Ctrl-Y"],
    ],
  ],
  [
    "View",
    [
      [["+", "-", "0"], "Zoom in, out, to fit"],
      [["Ctrl-wheel"], "Zoom; also a pinch"],
      [["Space-drag"], "Move the view; also the middle button"],
    ],
  ],
  [
    "Without a mouse",
    [
      [["Arrows"], "Move the cursor"],
      [["Shift-arrows"], "Move it by a large step"],
      [["Space"], "Paint a dot, or click"],
      [["Enter"], "Start and end a stroke"],
    ],
  ],
  [
    "Run",
    [
      [["Ctrl-Enter"], "Run"],
      [["Esc"], "Cancel the stroke, else stop the run"],
      [["?"], "Show this list"],
    ],
  ],
];
