/** Tabs of the ARIA authoring practices: Tab reaches the chosen one, arrow keys go from one to the next. */
import { element, nextTabStop, setTabStop } from "./dom";

let count = 0;

export class Tabs<Key extends string> {
  readonly root = element("div", "rw-view-tabbed");
  readonly panel = element("div", "rw-view-panel", { role: "tabpanel" });
  private current: Key;
  private readonly buttons = new Map<Key, HTMLButtonElement>();

  /** @param labels key and text of each tab; the first is chosen */
  constructor(label: string, labels: [key: Key, text: string][], changed: () => void, signal: AbortSignal) {
    const [first] = labels;
    if (!first) throw new Error("robust-widgets: tabs need at least one tab");
    this.current = first[0];
    const list = element("div", "rw-view-tabs", { role: "tablist", "aria-label": label });
    const id = `rw-tabs-${++count}`;
    this.panel.id = `${id}-panel`;
    const choose = (key: Key) => {
      this.current = key;
      this.update();
      changed();
    };
    for (const [key, text] of labels) {
      const attributes = { type: "button", role: "tab", id: `${id}-${key}`, "aria-controls": this.panel.id };
      const button = element("button", "rw-view-tab", { ...attributes, "data-tab": key }, text);
      button.addEventListener("click", () => choose(key), { signal });
      this.buttons.set(key, button);
      list.append(button);
    }
    this.root.append(list, this.panel);
    const keydown = (event: KeyboardEvent) => {
      const next = nextTabStop([...this.buttons.values()], event.target, event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.click();
    };
    list.addEventListener("keydown", keydown, { signal });
    this.update();
  }

  get chosen(): Key {
    return this.current;
  }

  private update(): void {
    const chosen = this.buttons.get(this.current);
    for (const button of this.buttons.values()) button.setAttribute("aria-selected", String(button === chosen));
    if (chosen) this.panel.setAttribute("aria-labelledby", chosen.id);
    setTabStop([...this.buttons.values()], chosen);
  }
}
