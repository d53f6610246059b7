/** Finding and making elements. */

export type Find = <Kind extends Element>(selector: string, kind: abstract new () => Kind) => Kind;

/** Finds parts of a template, which are known to be there. */
export function finder(root: Element): Find {
  return (selector, kind) => {
    const found = root.querySelector(selector);
    if (!(found instanceof kind)) throw new Error(`robust-widgets: no ${selector}`);
    return found;
  };
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  attributes: Record<string, string> = {},
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Writes only what is new: the page is laid out anew for each change of a text. */
export function say(where: Element, text: string): void {
  if (where.textContent !== text) where.textContent = text;
}

export const icon = (path: string) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;

/** In a row of buttons one takes part in Tab; arrows go from one to the next. */
export function rove(buttons: readonly HTMLElement[], current: HTMLElement | undefined): void {
  for (const one of buttons) one.tabIndex = one === current ? 0 : -1;
}

/** The button that an arrow, Home or End leads to, if the key is one of these. */
export function roveTo(buttons: readonly HTMLElement[], from: EventTarget | null, key: string): HTMLElement | undefined {
  const at = buttons.findIndex((one) => one === from);
  const to: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 };
  const index = to[key];
  return at < 0 || index === undefined ? undefined : buttons[Math.min(buttons.length - 1, Math.max(0, index))];
}

/** Control and Command keys (Ctrl-S) stay JupyterLab's; other keys here must not move or change its cells. The mark
 * counts only on the focused element itself. */
export function keepKeysFromLab(root: HTMLElement, signal: AbortSignal): void {
  const mark = (event: KeyboardEvent) => {
    const focused = document.activeElement;
    if (focused && root.contains(focused)) {
      focused.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
    }
  };
  window.addEventListener("keydown", mark, { signal, capture: true });
}

export const pictureOf = (buffer: DataView<ArrayBuffer>) => new Blob([buffer], { type: "image/jpeg" });
