import type { Action, Tool } from "./protocol";

/** What a key does on the pad: an action of Python's, a tool, or something that stays in the browser. */
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
// Where these lie, and whether they need Shift or AltGr (which counts as Control and Alt), depends on the keyboard.
const SIGNS: Record<string, Command> = {
  "[": { action: "smaller" },
  "]": { action: "larger" },
  "\\": { local: "before" },
  "?": { local: "help" },
  "+": { local: "zoomIn" },
  "=": { local: "zoomIn" },
  "-": { local: "zoomOut" },
};

/** What a key stands for, or undefined if it is none of ours. */
export function commandFor(event: KeyboardEvent): Command | undefined {
  const key = (event.key ?? "").toLowerCase(); // a browser's own form filling sends keys without a name
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

/** All keys as the help lists them, in groups. */
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
      [["Shift-drag"], "Straight line, square"],
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
      [["+", "-", "0"], "Closer, farther, all"],
      [["Ctrl-wheel"], "Zoom; also a pinch"],
      [["Space-drag"], "Move; also the middle button"],
    ],
  ],
  [
    "Without a mouse",
    [
      [["Arrows"], "Move the cursor"],
      [["Shift-arrows"], "Move it far"],
      [["Space"], "A dot, a click"],
      [["Enter"], "Begin and end a stroke"],
    ],
  ],
  [
    "Run",
    [
      [["Ctrl-Enter"], "Run"],
      [["Esc"], "Take back what is begun, else stop"],
      [["?"], "This list"],
    ],
  ],
];
