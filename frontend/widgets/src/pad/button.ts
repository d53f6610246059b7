import { element } from "@robust-widgets/shared/dom";

/** A button of the pad. The key that does the same stands in the tooltip, but not in the accessible name. */
export function button(
  className: string,
  label: string,
  key: string,
  ...children: (Node | string)[]
): HTMLButtonElement {
  const title = key ? `${label} (${key})` : label;
  // A name that is spoken to a computer begins with the words that are seen.
  const seen = children
    .flatMap((child) => (typeof child === "string" && /^\p{L}/u.test(child) ? [child] : []))
    .join(" ");
  const name = seen ? `${seen}: ${label}` : label;
  return element("button", `rw-pad-button ${className}`, { type: "button", title, "aria-label": name }, ...children);
}
