/** Tabs, as the ARIA practices have them: Tab reaches the chosen one, arrows go from one to the next. */
import { element, rove, roveTo } from "./dom";

let made = 0;

export class Tabs {
  readonly root = element("div", "rw-view-tabbed");
  readonly panel = element("div", "rw-view-panel", { role: "tabpanel" });
  chosen: string;
  private readonly buttons: HTMLButtonElement[];

  /** @param names what each tab is called by the program and on the page */
  constructor(label: string, names: [key: string, words: string][], changed: () => void, signal: AbortSignal) {
    const list = element("div", "rw-view-tabs", { role: "tablist", "aria-label": label });
    const id = `rw-tabs-${++made}`;
    this.chosen = names[0]?.[0] ?? "";
    this.panel.id = `${id}-panel`;
    this.buttons = names.map(([key, words]) => {
      const button = element("button", "rw-view-tab", { type: "button", role: "tab", "aria-controls": this.panel.id });
      button.id = `${id}-${key}`;
      button.dataset["tab"] = key;
      button.textContent = words;
      return button;
    });
    list.append(...this.buttons);
    this.root.append(list, this.panel);
    const choose = (button: HTMLButtonElement) => {
      this.chosen = button.dataset["tab"] ?? "";
      this.mark();
      changed();
    };
    for (const button of this.buttons) button.addEventListener("click", () => choose(button), { signal });
    const keydown = (event: KeyboardEvent) => {
      const next = roveTo(this.buttons, event.target, event.key);
      if (!(next instanceof HTMLButtonElement)) return;
      event.preventDefault();
      next.focus();
      choose(next);
    };
    list.addEventListener("keydown", keydown, { signal });
    this.mark();
  }

  private mark(): void {
    const chosen = this.buttons.find((button) => button.dataset["tab"] === this.chosen);
    for (const button of this.buttons) button.setAttribute("aria-selected", String(button === chosen));
    if (chosen) this.panel.setAttribute("aria-labelledby", chosen.id);
    rove(this.buttons, chosen);
  }
}
