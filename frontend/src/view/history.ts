/** All runs as thumbnails, the newest first; a click goes back to one. */
import { element, pictureOf, rove, roveTo } from "./dom";
import type { Buffers, History as Message, HistoryEntry } from "./messages";

const MARKS = { running: "●", done: "✓", stopped: "■", failed: "⚠" };

interface Item {
  entry: HistoryEntry;
  button: HTMLButtonElement;
  address: string;
}

export class History {
  readonly root = element("div", "rw-view-history", { role: "group", "aria-label": "runs" });
  private readonly row = element("div", "rw-view-runs");
  private readonly items = new Map<number, Item>();

  constructor(
    private readonly show: (index: number) => void,
    private readonly signal: AbortSignal,
  ) {
    this.root.append(this.row);
    this.root.hidden = true;
    const keydown = (event: KeyboardEvent) => {
      const next = roveTo(this.buttons, event.target, event.key);
      if (!next) return;
      event.preventDefault();
      rove(this.buttons, next);
      next.focus();
    };
    this.row.addEventListener("keydown", keydown, { signal });
    signal.addEventListener("abort", () => this.forget());
  }

  receive({ entries, shown, whole }: Message, thumbnails: Buffers): void {
    if (whole) this.forget();
    entries.forEach((entry, index) => this.put(entry, thumbnails[index]));
    let current: HTMLElement | undefined;
    for (const { entry, button } of this.items.values()) {
      const here = entry.index === shown;
      if (here) current = button;
      if (here) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    this.root.hidden = !this.items.size;
    const focused = this.buttons.find((button) => button === document.activeElement);
    rove(this.buttons, focused ?? current ?? this.buttons[0]);
  }

  private get buttons(): HTMLButtonElement[] {
    return [...this.row.querySelectorAll("button")];
  }

  private put(entry: HistoryEntry, thumbnail: DataView<ArrayBuffer> | undefined): void {
    let item = this.items.get(entry.index);
    if (!item) {
      const button = element("button", "rw-view-run", { type: "button" });
      button.innerHTML = '<span class="rw-view-thumb"><img alt=""><i></i></span><span class="rw-view-run-title"></span>';
      button.addEventListener("click", () => this.show(entry.index), { signal: this.signal });
      item = { entry, button, address: "" };
      this.items.set(entry.index, item);
      const after = [...this.items.values()].filter((other) => other.entry.index < entry.index);
      this.row.insertBefore(button, after.length ? (after[after.length - 1]?.button ?? null) : null);
    }
    item.entry = entry;
    const words = [entry.title, entry.task].filter(Boolean);
    item.button.dataset["state"] = entry.state;
    item.button.title = `run ${entry.index + 1}: ${words.join(", ")} (${entry.state})`;
    item.button.setAttribute("aria-label", item.button.title);
    const [mark, title] = [item.button.querySelector("i"), item.button.querySelector(".rw-view-run-title")];
    if (mark) mark.textContent = MARKS[entry.state];
    if (title) title.textContent = entry.title || entry.task;
    if (thumbnail?.byteLength) {
      URL.revokeObjectURL(item.address);
      item.address = URL.createObjectURL(pictureOf(thumbnail));
      item.button.querySelector("img")?.setAttribute("src", item.address);
    }
  }

  private forget(): void {
    for (const { address } of this.items.values()) URL.revokeObjectURL(address);
    this.items.clear();
    this.row.replaceChildren();
  }
}
