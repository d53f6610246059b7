import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { button } from "./button";
import { shortcuts } from "./shortcuts";

/** The list of shortcuts, over the painting. It takes the focus while it is open. */
export class Help {
  readonly panel: HTMLElement;
  private readonly closing = button("rw-pad-close", say("Close"), "Esc", "×");

  /** @param returnFocus gives the focus back to the painting */
  constructor(private readonly returnFocus: () => void) {
    const lists = shortcuts().flatMap(([title, rows]) => [
      element("h4", "", {}, title),
      element("dl", "", {}, ...rows.flatMap(([keys, what]) => [keysCell(keys), element("dd", "", {}, what)])),
    ]);
    this.panel = element(
      "div",
      "rw-pad-help",
      { role: "dialog", "aria-label": say("Keyboard shortcuts of the painting canvas") },
      element("div", "rw-pad-help-head", {}, element("strong", "", {}, say("Keyboard shortcuts")), this.closing),
      // Focusable, so that the arrow keys scroll it.
      element(
        "div",
        "rw-pad-help-list",
        { tabindex: "0", role: "group", "aria-label": say("List of shortcuts") },
        ...lists,
      ),
    );
    this.panel.hidden = true;
    this.closing.addEventListener("click", () => this.toggle(false));
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
    if (open) this.closing.focus({ preventScroll: true });
    else this.returnFocus();
  }
}

function keysCell(keys: string[]): HTMLElement {
  const parts = keys.flatMap((key, index) => [index ? " " : "", element("kbd", "", {}, key)]);
  return element("dt", "", {}, ...parts);
}

/** The list as one sentence, for screen readers. */
export const shortcutsInWords = (): string =>
  `${shortcuts()
    .flatMap(([, rows]) => rows.map(([keys, what]) => `${keys.join(say(" or "))}: ${what}`))
    .join(", ")}. ${say("Drop or paste a picture to start from it.")}`;
