/** The paint box around the pad, whose buttons are ipywidgets.
 *
 * A click on a tool button makes a round trip through the kernel. It is applied here first, so that the next stroke uses
 * the new tool or colour however slow the kernel is. ipywidgets shows the pressed button by a class only; the ARIA
 * attributes are set here. */
import { choose, type Layer, type Model, type Tool } from "./messages";

export function connectBox(host: HTMLElement, model: Model, signal: AbortSignal): void {
  const box = host.closest<HTMLElement>(".rw-paint-box") ?? host;
  box.addEventListener("click", (event) => applyClick(event, model), { signal, capture: true });
  const observer = new MutationObserver(() => fixAria(box));
  observer.observe(box, { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "title"] });
  signal.addEventListener("abort", () => observer.disconnect());
  fixAria(box);
}

function applyClick(event: MouseEvent, model: Model): void {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (!button || button.disabled) return;
  const choice = [...button.classList].find((name) => name.startsWith("rw-choose-"));
  const [, , trait, value] = choice?.split("-") ?? [];
  if (trait === "tool") choose(model, "tool", value as Tool);
  else if (trait === "layer") choose(model, "layer", value as Layer);
  else if (button.classList.contains("rw-swatch")) {
    choose(model, "color", hexOf(getComputedStyle(button).backgroundColor));
    if (["eraser", "eyedropper"].includes(model.get("tool"))) choose(model, "tool", "brush");
  }
}

/** "#rrggbb" of "rgb(r, g, b)". */
function hexOf(color: string): string {
  const parts = color.match(/\d+/g)?.slice(0, 3) ?? [];
  return `#${parts.map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
}

function fixAria(box: HTMLElement): void {
  for (const button of box.querySelectorAll<HTMLElement>("button.rw-tool, button.rw-swatch")) {
    if (button.title) setAttribute(button, "aria-label", button.title);
    if ([...button.classList].some((name) => name.startsWith("rw-choose-"))) {
      setAttribute(button, "aria-pressed", String(button.classList.contains("mod-active")));
    }
  }
  for (const input of box.querySelectorAll<HTMLElement>(".rw-color input")) {
    setAttribute(input, "aria-label", "Colour of the brush");
  }
  // ipycanvas makes each canvas a tab stop, though there is nothing to do on it.
  for (const canvas of box.querySelectorAll<HTMLElement>(".rw-layer, .rw-layer canvas")) {
    setAttribute(canvas, "tabindex", "-1");
    setAttribute(canvas, "aria-hidden", "true");
  }
}

function setAttribute(element: HTMLElement, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
