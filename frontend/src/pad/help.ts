import { button, element } from "./dom";
import { HELP } from "./shortcuts";

/** The list of keys, laid over the painting. It has the focus while it is open, and gives it back. */
export class Help {
  readonly panel: HTMLElement;
  private readonly close = button("rw-pad-close", "Close", "Esc", "×");

  constructor(private readonly giveBack: () => void) {
    const lists = HELP.flatMap(([title, rows]) => [
      element("h4", "", {}, title),
      element(
        "dl",
        "",
        {},
        ...rows.flatMap(([keys, what]) => [
          element("dt", "", {}, ...keys.flatMap((key, index) => [index ? " " : "", element("kbd", "", {}, key)])),
          element("dd", "", {}, what),
        ]),
      ),
    ]);
    this.panel = element(
      "div",
      "rw-pad-help",
      { role: "dialog", "aria-label": "Keys of the painting canvas" },
      element("div", "rw-pad-help-head", {}, element("strong", "", {}, "Keys"), this.close),
      // To be scrolled by the arrow keys it must be able to have the focus.
      element("div", "rw-pad-help-list", { tabindex: "0", role: "group", "aria-label": "List of keys" }, ...lists),
    );
    this.panel.hidden = true;
    this.close.addEventListener("click", () => this.toggle(false));
    for (const name of ["pointerdown", "pointermove", "wheel"]) {
      this.panel.addEventListener(name, (event) => event.stopPropagation());
    }
    this.panel.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Escape" && event.key !== "?") return;
      event.preventDefault();
      this.toggle(false);
    });
  }

  toggle(open = this.panel.hidden): void {
    if (open !== this.panel.hidden) return;
    this.panel.hidden = !open;
    if (open) this.close.focus({ preventScroll: true });
    else this.giveBack();
  }
}

/** The list in one sentence, for screen readers. */
export const inWords = (): string =>
  HELP.flatMap(([, rows]) => rows.map(([keys, what]) => `${keys.join(" or ")}: ${what}`)).join(", ") +
  ". Drop or paste a picture to start from it.";
