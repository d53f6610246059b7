import { choose, type Layer, type Model, type Tool } from "./protocol";

/** The paint box around the pad, whose buttons ipywidgets makes.
 *
 * A click on one takes the long way through the kernel; the pad takes it to heart at once, so that the next stroke has
 * the new tool and colour however far away the kernel is. And they show that they are pressed by a class alone, which
 * is mended for screen readers. */
export function joinBox(host: HTMLElement, model: Model, signal: AbortSignal): void {
  const box = host.closest<HTMLElement>(".rw-paint-box") ?? host;
  box.addEventListener("click", (event) => obey(event, model), { signal, capture: true });
  const mend = () => mendLabels(box);
  const observer = new MutationObserver(mend);
  observer.observe(box, { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "title"] });
  signal.addEventListener("abort", () => observer.disconnect());
  mend();
}

function obey(event: MouseEvent, model: Model): void {
  const pressed = event.target instanceof Element ? event.target.closest("button") : null;
  if (!pressed || pressed.disabled) return;
  const named = [...pressed.classList].find((name) => name.startsWith("rw-choose-"))?.split("-") ?? [];
  const [, , trait, value] = named;
  if (trait === "tool") choose(model, "tool", value as Tool);
  else if (trait === "layer") choose(model, "layer", value as Layer);
  else if (pressed.classList.contains("rw-swatch")) {
    const parts = getComputedStyle(pressed).backgroundColor.match(/\d+/g)?.slice(0, 3) ?? [];
    choose(model, "color", `#${parts.map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`);
    if (["eraser", "eyedropper"].includes(model.get("tool"))) choose(model, "tool", "brush");
  }
}

function mendLabels(box: HTMLElement): void {
  for (const control of box.querySelectorAll<HTMLElement>("button.rw-tool, button.rw-swatch")) {
    if (control.title) set(control, "aria-label", control.title);
    if ([...control.classList].some((name) => name.startsWith("rw-choose-"))) {
      set(control, "aria-pressed", `${control.classList.contains("mod-active")}`);
    }
  }
  for (const input of box.querySelectorAll<HTMLElement>(".rw-color input")) {
    set(input, "aria-label", "Colour of the brush");
  }
  // ipycanvas lets Tab stop at each canvas, where there is nothing to do.
  for (const canvas of box.querySelectorAll<HTMLElement>(".rw-layer, .rw-layer canvas")) {
    set(canvas, "tabindex", "-1");
    set(canvas, "aria-hidden", "true");
  }
}

function set(element: HTMLElement, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
