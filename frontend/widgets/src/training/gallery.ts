/** The same seeds painted after each epoch: a row for each epoch, the newest first, and a column for each class. */
import { element, pictureBlob, setText } from "@robust-widgets/shared/dom";
import type { Buffers } from "@robust-widgets/shared/model";
import type { Row, Update } from "./messages";

interface PaintedRow {
  epoch: number;
  labels: string[];
  urls: string[];
  head: HTMLElement;
  buttons: HTMLButtonElement[];
}

export interface Place {
  epoch: number;
  column: number;
}

export interface GalleryImage extends Place {
  label: string;
  url: string;
}

export class Gallery {
  readonly root = element("section", "rw-training-gallery", { "aria-label": "pictures painted after each epoch" });
  private readonly title = element("div", "rw-training-gallery-title");
  private readonly grid = element("div", "rw-training-grid", { role: "group" });
  private readonly placeholder = element("div", "rw-training-none");
  private readonly rows = new Map<number, PaintedRow>();
  private current: Place | null = null;

  /** @param enlarge called with the picture that the user clicks */
  constructor(
    private readonly enlarge: (place: Place) => void,
    private readonly signal: AbortSignal,
  ) {
    this.placeholder.textContent = "After each epoch the same seeds are painted here, each towards its class.";
    this.root.append(this.title, this.grid, this.placeholder);
    this.grid.addEventListener("keydown", this.keydown, { signal });
    signal.addEventListener("abort", () => this.clear());
  }

  show({ rows, fresh, left_out }: Update, buffers: Buffers): void {
    let used = 0;
    for (const { epoch, count } of fresh) {
      const row = rows.find((other) => other.epoch === epoch);
      if (row) this.put(row, buffers.slice(used, used + count));
      used += count;
    }
    const wanted = new Set(rows.map(({ epoch }) => epoch));
    const removed = [...this.rows.values()].filter(({ epoch }) => !wanted.has(epoch));
    for (const row of removed) this.drop(row);
    if (fresh.length || removed.length) this.arrange();
    const title = `The same seeds, painted after each epoch${left_out ? `; ${left_out} epochs in between are not shown` : ""}`;
    setText(this.title, this.rows.size ? title : "");
    this.root.dataset["rows"] = String(this.rows.size);
  }

  /** The shown epochs, oldest first. */
  get epochs(): number[] {
    return [...this.rows.keys()].sort((a, b) => a - b);
  }

  shown({ epoch, column }: Place): GalleryImage | null {
    const row = this.rows.get(epoch);
    const url = row?.urls[column];
    return url === undefined ? null : { epoch, column, label: row?.labels[column] ?? "", url };
  }

  focus(place: Place): void {
    this.setTabStop(place);
    this.rows.get(place.epoch)?.buttons[place.column]?.focus();
  }

  private put({ epoch, labels }: Row, pictures: Buffers): void {
    const before = this.rows.get(epoch);
    if (before) this.drop(before);
    const head = element("div", "rw-training-epoch");
    head.textContent = `epoch ${epoch}`;
    const urls = pictures.map((picture) => URL.createObjectURL(pictureBlob(picture)));
    const buttons = urls.map((src, column) => {
      const words = `${labels[column] ?? `picture ${column + 1}`}, epoch ${epoch}`;
      const button = element("button", "rw-training-picture", { type: "button", title: words, "aria-label": words });
      button.append(element("img", "", { alt: "", src }));
      button.addEventListener("click", () => this.enlarge({ epoch, column }), { signal: this.signal });
      button.addEventListener("focus", () => this.setTabStop({ epoch, column }), { signal: this.signal });
      return button;
    });
    this.rows.set(epoch, { epoch, labels, urls, head, buttons });
  }

  private drop(row: PaintedRow): void {
    for (const url of row.urls) URL.revokeObjectURL(url);
    for (const part of [row.head, ...row.buttons]) part.remove();
    this.rows.delete(row.epoch);
  }

  /** Arranges the rows. Those that stay are not moved in the document, and keep the focus. */
  private arrange(): void {
    const newestFirst = this.epochs.reverse().flatMap((epoch) => this.rows.get(epoch) ?? []);
    const columns = Math.max(0, ...newestFirst.map(({ buttons }) => buttons.length));
    this.grid.style.setProperty("--rw-columns", String(columns));
    for (const old of this.grid.querySelectorAll(".rw-training-class")) old.remove();
    const labels = Array.from({ length: columns }, (_, column) => {
      const label = element("div", "rw-training-class", { "aria-hidden": "true" });
      label.title = label.textContent = newestFirst[0]?.labels[column] ?? "";
      return label;
    });
    const corner = element("div", "rw-training-class", { "aria-hidden": "true" });
    this.grid.prepend(corner, ...labels);
    let last: Element = labels[labels.length - 1] ?? corner;
    newestFirst.forEach(({ head, buttons }, index) => {
      head.style.gridRow = String(index + 2);
      for (const button of buttons) button.style.gridRow = head.style.gridRow;
      if (last.nextElementSibling !== head) last.after(head, ...buttons);
      last = buttons[buttons.length - 1] ?? head;
    });
    const current = this.current && this.rows.has(this.current.epoch) ? this.current : null;
    this.setTabStop(current ?? { epoch: newestFirst[0]?.epoch ?? 0, column: 0 });
  }

  /** Makes one picture the only one that Tab reaches. */
  private setTabStop(place: Place): void {
    this.current = place;
    for (const { epoch, buttons } of this.rows.values()) {
      buttons.forEach(
        (button, column) => (button.tabIndex = epoch === place.epoch && column === place.column ? 0 : -1),
      );
    }
  }

  private readonly keydown = (event: KeyboardEvent): void => {
    if (!this.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const { epoch, column } = this.current;
    const epochs = this.epochs;
    const at = epochs.indexOf(epoch);
    const last = (this.rows.get(epoch)?.buttons.length ?? 1) - 1;
    const targets: Record<string, [number, number]> = {
      ArrowLeft: [at, column - 1],
      ArrowRight: [at, column + 1],
      ArrowUp: [at + 1, column],
      ArrowDown: [at - 1, column],
      Home: [at, 0],
      End: [at, last],
    };
    const target = targets[event.key];
    if (!target) return;
    event.preventDefault();
    const next = epochs[Math.min(epochs.length - 1, Math.max(0, target[0]))];
    if (next !== undefined) this.focus({ epoch: next, column: Math.min(last, Math.max(0, target[1])) });
  };

  private clear(): void {
    for (const row of [...this.rows.values()]) this.drop(row);
  }
}
