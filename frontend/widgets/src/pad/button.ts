import { element } from "@robust-widgets/shared/dom";

/** A button of the pad. The key that does the same stands in the tooltip, but not in the accessible name. */
export function button(
  className: string,
  label: string,
  key: string,
  ...children: (Node | string)[]
): HTMLButtonElement {
  const title = key ? `${label} (${key})` : label;
  return element("button", `rw-pad-button ${className}`, { type: "button", title, "aria-label": label }, ...children);
}
