/** All runs as thumbnails, the newest first, each with the runs that were branched from it indented beneath. A click shows
 * a run again. */
import { element, pictureBlob, nextTabStop, setLabel, setTabStop } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import type { Buffers } from "@robust-widgets/shared/model";
import type { HistoryEntry, HistoryMessage } from "./messages";

const MARKS = { running: "●", done: "✓", stopped: "■", failed: "⚠" };

/** Up and down go through the runs as left and right do: beneath a run are its branches. */
const ALONG: Readonly<Record<string, string>> = { ArrowUp: "ArrowLeft", ArrowDown: "ArrowRight" };

interface Item {
  /** The button, and the branches beneath it. */
  tree: HTMLElement;
  branches: HTMLElement;
  /** The run that it was branched from; undefined for one at the top. */
  parent: number | undefined;
  button: HTMLButtonElement;
  image: HTMLImageElement;
  mark: HTMLElement;
  title: HTMLElement;
  url: string;
}

export class History {
  readonly root = element("div", "rw-view-history", { role: "group", "aria-label": say("runs") });
  private readonly row = element("div", "rw-view-runs");
  private readonly items = new Map<number, Item>();

  constructor(
    private readonly show: (index: number) => void,
    private readonly signal: AbortSignal,
  ) {
    this.root.append(this.row);
    this.root.hidden = true;
    const keydown = (event: KeyboardEvent) => {
      const next = nextTabStop(this.buttons, event.target, ALONG[event.key] ?? event.key);
      if (!next) return;
      event.preventDefault();
      setTabStop(this.buttons, next);
      next.focus();
    };
    this.row.addEventListener("keydown", keydown, { signal });
    signal.addEventListener("abort", () => this.clear());
  }

  receive({ entries, shown, whole }: HistoryMessage, thumbnails: Buffers): void {
    if (whole) this.clear();
    entries.forEach((entry, position) => this.put(entry, thumbnails[position]));
    let current: HTMLElement | undefined;
    for (const [index, { button }] of this.items) {
      if (index === shown) {
        current = button;
        button.setAttribute("aria-current", "true");
      } else button.removeAttribute("aria-current");
    }
    this.root.hidden = !this.items.size;
    const focused = this.buttons.find((button) => button === document.activeElement);
    setTabStop(this.buttons, focused ?? current ?? this.buttons[0]);
  }

  private get buttons(): HTMLButtonElement[] {
    return [...this.row.querySelectorAll("button")];
  }

  private put(entry: HistoryEntry, thumbnail: DataView<ArrayBuffer> | undefined): void {
    const item = this.items.get(entry.index) ?? this.add(entry);
    const text = [entry.title, entry.task].filter(Boolean).join(", ");
    item.button.dataset["state"] = entry.state;
    const label = say("run %1: %2 (%3)", entry.index + 1, text, say(entry.state));
    const origin = item.parent === undefined ? "" : say("from step %1 of run %2", entry.step ?? 0, item.parent + 1);
    setLabel(item.button, [label, origin].filter(Boolean).join(", "));
    item.mark.textContent = MARKS[entry.state];
    item.title.textContent = entry.title || entry.task;
    if (!thumbnail?.byteLength) return;
    URL.revokeObjectURL(item.url);
    item.url = URL.createObjectURL(pictureBlob(thumbnail));
    item.image.src = item.url;
  }

  /** Adds a button, before those of older runs: in the row, or beneath the run that it was branched from. */
  private add({ index, parent: from }: HistoryEntry): Item {
    const [image, mark] = [element("img", "", { alt: "" }), element("i")];
    const title = element("span", "rw-view-run-title");
    const thumbnail = element("span", "rw-view-thumb", {}, image, mark);
    const button = element("button", "rw-view-run", { type: "button" }, thumbnail, title);
    button.addEventListener("click", () => this.show(index), { signal: this.signal });
    const branches = element("div", "rw-view-branches");
    const tree = element("div", "rw-view-tree", {}, button, branches);
    const parent = typeof from === "number" && this.items.has(from) ? from : undefined;
    const beside = [...this.items].filter(([other, item]) => other < index && item.parent === parent);
    const newestOlder = Math.max(...beside.map(([other]) => other));
    const place = parent === undefined ? this.row : (this.items.get(parent)?.branches ?? this.row);
    place.insertBefore(tree, this.items.get(newestOlder)?.tree ?? null);
    const item = { tree, branches, parent, button, image, mark, title, url: "" };
    this.items.set(index, item);
    return item;
  }

  private clear(): void {
    for (const { url } of this.items.values()) URL.revokeObjectURL(url);
    this.items.clear();
    this.row.replaceChildren();
  }
}
