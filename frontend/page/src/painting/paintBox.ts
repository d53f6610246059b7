/** The paint box: tools, layers, colours, brush, undo and redo. As `paint_box.py`. */
import { element, icon, setLabel } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import type { State, Tool } from "@robust-widgets/widgets/pad/messages";
import type { NumberParameter } from "../manifest";
import type { PaintLayer } from "./layers";
import type { Surface } from "./surface";

const TOOLS: [Tool, string, string][] = [
  ["brush", "Brush (B)", "M13.5 2.5 7 9M5.5 9.5c-1.6 0-2.3 1.1-2.5 3.2-.1.5-.5.8-1 .8 3 1 6 .3 6-2.2z"],
  [
    "eraser",
    "Eraser (E): removes paint and shows the picture below",
    "M5.5 13.5 2.3 10.3l7.4-7.4 4 4-6.6 6.6zM6 6.6l4 4M5.5 13.5h8",
  ],
  ["line", "Line (U); hold Shift for steps of 45 degrees", "M3 13 13 3"],
  ["rectangle", "Rectangle (R); hold Shift for a square", "M2.5 4h11v8h-11z"],
  [
    "lasso",
    "Lasso (L): draw around an area to fill it",
    "M6 10.6C3.5 10 1.8 8.6 1.8 6.7 1.8 4 4.6 2 8 2s6.2 2 6.2 4.7S11.4 11.3 8 11.3M8 11a1.5 1.5 0 1 1-3 0 1.5 1.5 0 0 1 3 0zM6 12.5c.2 1-.4 1.6-1.8 1.8",
  ],
  [
    "fill",
    "Fill (G): fills an area of similar colour",
    "M6.5 2.5 12.5 8.5 7 14 1.8 8.8l5.5-5.5M2 9h10M14 11c.8 1.2 1 1.8 1 2.2a1 1 0 0 1-2 0c0-.4.2-1 1-2.2z",
  ],
  [
    "eyedropper",
    "Eyedropper (I): picks a colour from the canvas; Alt-click works too",
    "M9 4.5 11.5 7M8.5 5.5 3 11v2h2l5.5-5.5M10 4l1.7-1.7a1.4 1.4 0 0 1 2 2L12 6",
  ],
];
const LAYERS: [PaintLayer, string, string][] = [
  ["sketch", "Sketch", "Paint on the sketch (M switches)"],
  ["mask", "Mask", "Paint the mask, where the picture may change (M switches)"],
];
const PALETTE: [string, string][] = [
  ["orange", "#f28c28"],
  ["red", "#c8321e"],
  ["yellow", "#f2d23c"],
  ["green", "#4f8a3c"],
  ["blue", "#2f6fb7"],
  ["dark blue", "#16324f"],
  ["brown", "#7a4a25"],
  ["sand", "#e0b48c"],
  ["white", "#ffffff"],
  ["black", "#141414"],
];
const UNDO = "M5.5 3 2.5 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6";
const REDO = "M10.5 3l3 3-3 3M13 6H6.5a3.5 3.5 0 0 0 0 7H10";
const CLEAR = "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M6.7 7v4M9.3 7v4";
const INVERT = "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12";
const DROP_MASK = "M4 4l8 8M12 4l-8 8";

const FIRST_COLOR = "#f28c28";

type BrushTrait = "brush_size" | "softness" | "opacity";

/** The brush of a new page. */
export function firstBrush(settings: readonly NumberParameter[]): Pick<State, BrushTrait | "color"> {
  const [brush_size = 1, softness = 0, opacity = 1] = settings.map(({ default: value, low }) => value ?? low);
  return { color: FIRST_COLOR, brush_size, softness, opacity };
}

const [SMALLER, LARGER] = [0.8, 1.25];

export class PaintBox {
  readonly root: HTMLElement;
  private readonly undo: HTMLButtonElement;
  private readonly redo: HTMLButtonElement;
  private readonly dropMask: HTMLButtonElement;
  private readonly maskTools: HTMLElement;
  private readonly color = element("input", "rs-color", { type: "color" });
  private readonly recent: string[] = [];
  private readonly recentRow = element("div", "rs-swatches rs-recent", { role: "group" });

  /** @param brush size, softness and opacity, as they are declared
   * @param guard shows what an action throws */
  constructor(
    private readonly surface: Surface,
    private readonly brush: readonly NumberParameter[],
    guard: (act: () => void) => void,
  ) {
    const { pad } = surface;
    const tools = TOOLS.map(([tool, label, path]) => this.choice("tool", tool, say(label), icon(path)));
    this.undo = action(UNDO, say("Undo (Ctrl-Z)"), () => surface.undo());
    this.redo = action(REDO, say("Redo (Ctrl-Shift-Z)"), () => surface.redo());
    const clear = action(CLEAR, say("Clear all paint (can be undone)"), () => guard(() => surface.clear()));
    const layers = LAYERS.map(([layer, text, label]) => this.choice("layer", layer, say(label), say(text)));
    const invert = action(INVERT, say("Invert the mask (X)"), () => guard(() => surface.invertMask()));
    this.dropMask = action(DROP_MASK, say("Clear the mask (can be undone)"), () => guard(() => surface.clearMask()));
    this.maskTools = element("div", "rs-tools rs-mask-tools", { role: "group", "aria-label": say("Layer") });
    this.maskTools.append(...layers, invert, this.dropMask);
    setLabel(this.color, say("Colour of the brush"));
    this.color.addEventListener("input", () => this.useColor(this.color.value));
    pad.on("change:color", () => (this.color.value = pad.get("color")));
    this.color.value = pad.get("color");
    const swatches = element("div", "rs-swatches", { role: "group", "aria-label": say("Colours") });
    swatches.append(...PALETTE.map(([name, color]) => this.swatch(say("Paint %1", say(name)), color)));
    this.recentRow.setAttribute("aria-label", say("Colours used last"));
    const colors = element("div", "rs-colors", {}, this.color, element("div", "", {}, swatches, this.recentRow));
    const toolbar = element("div", "rs-tools", { role: "toolbar", "aria-label": say("Tools") });
    toolbar.append(...tools, element("span", "rs-gap"), this.undo, this.redo, clear);
    this.root = element(
      ...(["div", "rs-paint-box", {}] as const),
      ...[toolbar, this.maskTools, surface.root, colors],
      element("div", "rs-brush", {}, ...brush.map((setting) => this.slider(setting))),
    );
    surface.onChange.push(() => this.refresh());
    surface.onColor.push((color) => this.addRecent(color));
    surface.onAction.push((name) => {
      if (name === "smaller" || name === "larger") this.resizeBrush(name);
    });
    this.refresh();
  }

  /** Enables the buttons that have something to do. */
  refresh(): void {
    const { raster } = this.surface;
    this.undo.disabled = !raster.canUndo;
    this.redo.disabled = !raster.canRedo;
    this.dropMask.disabled = !raster.layers.mask.some(Boolean);
  }

  /** Shows the mask and its tools, or hides them; while hidden, the mask is kept and all tools paint on the sketch. */
  showMaskTools(isShown: boolean): void {
    if (!isShown) this.surface.setLayer("sketch");
    this.surface.pad.set("masking", isShown);
    this.maskTools.hidden = !isShown;
  }

  private resizeBrush(direction: "smaller" | "larger"): void {
    const { pad } = this.surface;
    const { low, high } = this.brush[0] ?? { low: 1, high: 1 };
    const size = pad.get("brush_size");
    const next =
      direction === "smaller"
        ? Math.min(size - 1, Math.round(size * SMALLER))
        : Math.max(size + 1, Math.round(size * LARGER));
    pad.set("brush_size", Math.min(high, Math.max(low, next)));
  }

  private useColor(color: string): void {
    const { pad } = this.surface;
    pad.set("color", color);
    if (["eraser", "eyedropper"].includes(pad.get("tool"))) pad.set("tool", "brush");
  }

  private addRecent(color: string): void {
    if (this.recent[0] === color || PALETTE.some(([, known]) => known === color)) return;
    this.recent.splice(0, this.recent.length, color, ...this.recent.filter((other) => other !== color));
    this.recent.length = Math.min(this.recent.length, PALETTE.length);
    this.recentRow.replaceChildren(...this.recent.map((other) => this.swatch(say("Paint %1 again", other), other)));
  }

  /** A button that stays pressed while the pad's setting has its value. */
  private choice<Name extends "tool" | "layer">(
    name: Name,
    value: Name extends "tool" ? Tool : PaintLayer,
    label: string,
    content: Node | string,
  ): HTMLButtonElement {
    const { pad } = this.surface;
    const button = element("button", "rs-tool", { type: "button", [`data-${name}`]: value }, content);
    setLabel(button, label);
    const show = () => button.setAttribute("aria-pressed", String(pad.get(name) === value));
    button.addEventListener("click", () => pad.set(name, value as never));
    pad.on(`change:${name}`, show);
    show();
    return button;
  }

  private swatch(label: string, color: string): HTMLButtonElement {
    const { pad } = this.surface;
    const swatch = element("button", "rs-swatch", { type: "button" });
    setLabel(swatch, label);
    swatch.style.backgroundColor = color;
    swatch.addEventListener("click", () => this.useColor(color));
    const show = () => swatch.setAttribute("aria-pressed", String(pad.get("color") === color));
    pad.on("change:color", show);
    show();
    return swatch;
  }

  private slider({ name, label, help, low, high, step }: NumberParameter): HTMLElement {
    const { pad } = this.surface;
    const trait = name as BrushTrait;
    const [min, max] = [String(low), String(high)];
    const input = element("input", "rs-slider", { type: "range", min, max, step: String(step) });
    const value = element("output", "rs-value");
    const show = () => {
      input.value = String(pad.get(trait));
      value.value = step < 1 ? `${Math.round(100 * pad.get(trait))} %` : String(pad.get(trait));
      input.setAttribute("aria-valuetext", value.value);
      input.style.setProperty("--rs-share", `${(100 * (pad.get(trait) - low)) / (high - low)}%`);
    };
    input.addEventListener("input", () => pad.set(trait, Number(input.value)));
    pad.on(`change:${trait}`, show);
    show();
    return element(
      "label",
      "rs-brush-row",
      { title: say(help) },
      element("span", "rs-label", {}, say(label)),
      input,
      value,
    );
  }
}

function action(path: string, label: string, act: () => void): HTMLButtonElement {
  const button = element("button", "rs-tool", { type: "button" }, icon(path));
  setLabel(button, label);
  button.addEventListener("click", act);
  return button;
}
