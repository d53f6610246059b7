/** An element with a class and attributes, and what is in it. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A button; what it does and its key are its tooltip and, without the key, its name. */
export function button(className: string, label: string, key: string, ...children: (Node | string)[]): HTMLButtonElement {
  const title = key ? `${label} (${key})` : label;
  return element("button", `rw-pad-button ${className}`, { type: "button", title, "aria-label": label }, ...children);
}

/** A line drawing of 16 by 16 in the colour of the text. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
