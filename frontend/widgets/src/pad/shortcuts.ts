import { say } from "@robust-widgets/shared/translation";
import type { Action, Tool } from "./messages";

/** What a key does on the pad: an action in Python, a tool, or something local to the browser. */
export type Command =
  | { action: Action }
  | { tool: Tool }
  | { local: "layer" | "hide" | "colors" | "mirror" | "before" | "help" | "zoomIn" | "zoomOut" | "zoomFit" | "stop" };

const PLAIN: Record<string, Command> = {
  b: { tool: "brush" },
  e: { tool: "eraser" },
  u: { tool: "line" },
  r: { tool: "rectangle" },
  l: { tool: "lasso" },
  g: { tool: "fill" },
  i: { tool: "eyedropper" },
  m: { local: "layer" },
  c: { local: "colors" },
  h: { local: "hide" },
  x: { action: "invert" },
  s: { local: "mirror" },
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
export const shortcuts = (): [string, [string[], string][]][] => [
  [
    say("Tools"),
    [
      [["B"], say("Brush")],
      [["E"], say("Eraser")],
      [["U"], say("Line")],
      [["R"], say("Rectangle")],
      [["L"], say("Lasso: fill an area")],
      [["G"], say("Fill")],
      [["I"], say("Pick a colour")],
      [[say("Alt-click")], say("Pick with any tool")],
      [["C"], say("Colours of the picture")],
      [["[", "]"], say("Brush size")],
      [["S"], say("Symmetry: sides, top and bottom, both")],
      [[say("Shift-click")], say("Straight line from the last stroke")],
      [[say("Shift-drag")], say("Straight line, or square")],
    ],
  ],
  [
    say("Layers and history"),
    [
      [["M"], say("Sketch or mask")],
      [["H"], say("Show or hide the layer you paint on")],
      [["X"], say("Invert the mask")],
      [["\\"], say("Hold: the image without paint")],
      [["Ctrl-Z"], say("Undo")],
      [["Ctrl-Shift-Z"], say("Redo; also Ctrl-Y")],
    ],
  ],
  [
    say("A picture that you place"),
    [
      [["Ctrl-V"], say("Paste a picture, or the address of one")],
      [[say("Drag"), say("Arrows")], say("Move it")],
      [["+", "-"], say("Scale it; also the handles, or a pinch")],
      [[say("Shift-drag")], say("A handle: change its shape")],
      [["[", "]"], say("Narrower, wider")],
      [["0", "1"], say("Fill the canvas, show all of it")],
      [[say("Enter")], say("Put it down; also a click beside it")],
      [["Esc"], say("Leave it out")],
    ],
  ],
  [
    say("View"),
    [
      [["+", "-", "0"], say("Zoom in, out, to fit")],
      [[say("Ctrl-wheel")], say("Zoom; also a pinch")],
      [[say("Space-drag")], say("Move the view; also the middle button")],
    ],
  ],
  [
    say("Without a mouse"),
    [
      [[say("Arrows")], say("Move the cursor")],
      [[say("Shift-arrows")], say("Move it by a large step")],
      [[say("Space")], say("Paint a dot, or click")],
      [[say("Enter")], say("Start and end a stroke")],
    ],
  ],
  [
    say("Run"),
    [
      [["Ctrl-Enter"], say("Run")],
      [["Esc"], say("Cancel the stroke, else stop the run")],
      [["?"], say("Show this list")],
    ],
  ],
];
