/** Creating, finding and updating elements. */

/** Creates an element with a class, attributes and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = "",
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const created = document.createElement(name);
  if (className) created.className = className;
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}

/** A 16 by 16 line drawing in the colour of the text. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export type Find = <Kind extends Element>(selector: string, kind: abstract new () => Kind) => Kind;

/** Finds parts of a template, which must be there. */
export function finder(root: Element): Find {
  return (selector, kind) => {
    const match = root.querySelector(selector);
    if (!(match instanceof kind)) throw new Error(`robust-widgets: no ${selector}`);
    return match;
  };
}

/** Sets the text only if it changed: each write costs a layout of the page. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets a tooltip that is the accessible name, too. */
export function setLabel(target: HTMLElement, label: string): void {
  target.title = label;
  target.setAttribute("aria-label", label);
}

/** Makes `current` the only one of these buttons that Tab reaches (a roving tabindex). */
export function setTabStop(buttons: readonly HTMLElement[], current: HTMLElement | undefined): void {
  for (const button of buttons) button.tabIndex = button === current ? 0 : -1;
}

/** The button that an arrow key, Home or End leads to; undefined for any other key. */
export function nextTabStop(
  buttons: readonly HTMLElement[],
  from: EventTarget | null,
  key: string,
): HTMLElement | undefined {
  const at = buttons.findIndex((button) => button === from);
  const targets: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 };
  const index = targets[key];
  return at < 0 || index === undefined ? undefined : buttons[Math.min(buttons.length - 1, Math.max(0, index))];
}

/** Keeps keys pressed in `root` from JupyterLab's shortcuts, except those with Control or Command (Ctrl-S).
 *
 * JupyterLab looks for this attribute on the focused element only. */
export function suppressLabShortcuts(root: HTMLElement, signal: AbortSignal): void {
  const mark = (event: KeyboardEvent) => {
    const focused = document.activeElement;
    if (focused && root.contains(focused)) {
      focused.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
    }
  };
  window.addEventListener("keydown", mark, { signal, capture: true });
}

const BMP_SIGNATURE = 0x424d;

/** A picture file from the kernel, a JPEG, or from the page, a BMP. */
export function pictureBlob(buffer: DataView<ArrayBuffer>): Blob {
  const isBmp = buffer.byteLength > 1 && buffer.getUint16(0) === BMP_SIGNATURE;
  return new Blob([buffer], { type: isBmp ? "image/bmp" : "image/jpeg" });
}

/** The 2D context of a canvas. */
export function contextOf(
  canvas: HTMLCanvasElement,
  settings?: CanvasRenderingContext2DSettings,
): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("robust-widgets: this browser has no 2D canvas");
  return context;
}

/** A canvas of a given size, and its context. */
export function createCanvas(
  width: number,
  height: number,
  settings?: CanvasRenderingContext2DSettings,
): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return contextOf(canvas, settings);
}
