/** Panels that fold, and a word of help below each parameter. Their headings and controls are ipywidgets, which know
 * neither: it is added on the page, and needs no kernel. */
import { element } from "@robust-widgets/shared/dom";

/** Fields to which ipywidgets gives no name of their own. */
const NAMELESS = ["input", "select", "textarea", "[role=slider]", "[contenteditable]"]
  .map((selector) => `.jupyter-widgets ${selector}:not([aria-label])`)
  .join();
const PAPER = /^rw-paper-(\d+)$/;

/** Looks after the panels and parameters of a studio, those that appear later, too. */
export function watchPanels(studio: HTMLElement, signal: AbortSignal): void {
  studio.addEventListener("click", fold, { signal });
  let isDue = false;
  const dress = () => {
    isDue = false;
    for (const heading of studio.querySelectorAll<HTMLElement>(".rw-fold:not([aria-expanded])")) show(heading, true);
    for (const parameter of studio.querySelectorAll<HTMLElement>(".rw-parameter:not(:has(> .rw-help))")) {
      explain(parameter);
    }
    for (const control of studio.querySelectorAll<HTMLElement>(NAMELESS)) name(control);
  };
  const observer = new MutationObserver(() => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(dress);
  });
  observer.observe(studio, { subtree: true, childList: true });
  signal.addEventListener("abort", () => observer.disconnect());
  dress();
}

function fold(event: MouseEvent): void {
  const heading = event.target instanceof Element ? event.target.closest<HTMLElement>(".rw-fold") : null;
  if (heading) show(heading, heading.getAttribute("aria-expanded") === "false");
}

function show(heading: HTMLElement, isOpen: boolean): void {
  heading.setAttribute("aria-expanded", String(isOpen));
  heading.closest(".rw-panel")?.classList.toggle("rw-folded", !isOpen);
}

/** The tooltip of a parameter becomes a line of help, without its unit, and the paper's value a mark on its slider. */
function explain(parameter: HTMLElement): void {
  const label = parameter.querySelector<HTMLElement>("label[title]:not([title=''])");
  if (!label) return;
  parameter.append(element("small", "rw-help", {}, label.title.replace(/ \([^)]*\)/, "")));
  const share = [...parameter.classList].map((token) => PAPER.exec(token)?.[1]).find(Boolean);
  const track = parameter.querySelector<HTMLElement>(".noUi-target");
  if (!share || !track) return;
  const mark = element("i", "rw-paper-mark", { "aria-hidden": "true" });
  mark.style.left = `${share}%`;
  track.append(mark);
}

/** ipywidgets names its fields by a label beside them only. */
function name(control: HTMLElement): void {
  const label = control.closest(".jupyter-widgets")?.querySelector("label");
  const text = label?.textContent.trim() ?? "";
  const tooltip = control.closest<HTMLElement>("[title]")?.title ?? "";
  const words = text || tooltip;
  if (!words) return;
  control.setAttribute("aria-label", words);
  if (control.isContentEditable) control.setAttribute("role", "textbox");
}
