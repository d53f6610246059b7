/** The same seeds painted after each epoch: a row each, the newest on top, the classes along the top. */
import { element, pictureOf, say } from "../view/dom";
import type { Buffers } from "../view/messages";
import type { Row, Update } from "./messages";

interface Painted {
  epoch: number;
  labels: string[];
  addresses: string[];
  head: HTMLElement;
  buttons: HTMLButtonElement[];
}

export interface Place {
  epoch: number;
  column: number;
}

export interface Shown extends Place {
  label: string;
  address: string;
}

export class Gallery {
  readonly root = element("section", "rw-training-gallery", { "aria-label": "pictures painted after each epoch" });
  private readonly title = element("div", "rw-training-gallery-title");
  private readonly grid = element("div", "rw-training-grid", { role: "group" });
  private readonly none = element("div", "rw-training-none");
  private readonly rows = new Map<number, Painted>();
  private current: Place | null = null;

  /** @param enlarge called with the picture that is picked */
  constructor(
    private readonly enlarge: (place: Place) => void,
    private readonly signal: AbortSignal,
  ) {
    this.none.textContent = "After each epoch the same seeds are painted here, each towards its class.";
    this.root.append(this.title, this.grid, this.none);
    this.grid.addEventListener("keydown", this.keydown, { signal });
    signal.addEventListener("abort", () => this.forget());
  }

  show({ rows, fresh, left_out }: Update, buffers: Buffers): void {
    let used = 0;
    for (const { epoch, count } of fresh) {
      const row = rows.find((one) => one.epoch === epoch);
      if (row) this.put(row, buffers.slice(used, used + count));
      used += count;
    }
    const wanted = new Set(rows.map(({ epoch }) => epoch));
    const gone = [...this.rows.values()].filter(({ epoch }) => !wanted.has(epoch));
    for (const row of gone) this.drop(row);
    if (fresh.length || gone.length) this.lay();
    const what = `The same seeds, painted after each epoch${left_out ? `; ${left_out} epochs between are left out` : ""}`;
    say(this.title, this.rows.size ? what : "");
    this.root.dataset["rows"] = String(this.rows.size);
  }

  /** Epochs that are shown, oldest first. */
  get epochs(): number[] {
    return [...this.rows.keys()].sort((a, b) => a - b);
  }

  shown({ epoch, column }: Place): Shown | null {
    const row = this.rows.get(epoch);
    const address = row?.addresses[column];
    return address === undefined ? null : { epoch, column, label: row?.labels[column] ?? "", address };
  }

  focus(place: Place): void {
    this.rove(place);
    this.rows.get(place.epoch)?.buttons[place.column]?.focus();
  }

  private put({ epoch, labels }: Row, pictures: Buffers): void {
    const before = this.rows.get(epoch);
    if (before) this.drop(before);
    const head = element("div", "rw-training-epoch");
    head.textContent = `epoch ${epoch}`;
    const addresses = pictures.map((picture) => URL.createObjectURL(pictureOf(picture)));
    const buttons = addresses.map((src, column) => {
      const words = `${labels[column] ?? `picture ${column + 1}`}, epoch ${epoch}`;
      const button = element("button", "rw-training-picture", { type: "button", title: words, "aria-label": words });
      button.append(element("img", "", { alt: "", src }));
      button.addEventListener("click", () => this.enlarge({ epoch, column }), { signal: this.signal });
      button.addEventListener("focus", () => this.rove({ epoch, column }), { signal: this.signal });
      return button;
    });
    this.rows.set(epoch, { epoch, labels, addresses, head, buttons });
  }

  private drop(row: Painted): void {
    for (const address of row.addresses) URL.revokeObjectURL(address);
    for (const part of [row.head, ...row.buttons]) part.remove();
    this.rows.delete(row.epoch);
  }

  /** Rows that stay keep their place in the document, and with it the focus. */
  private lay(): void {
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
    const known = this.current && this.rows.has(this.current.epoch) ? this.current : null;
    this.rove(known ?? { epoch: newestFirst[0]?.epoch ?? 0, column: 0 });
  }

  /** One picture takes part in Tab; arrows go from one to the next. */
  private rove(place: Place): void {
    this.current = place;
    for (const { epoch, buttons } of this.rows.values()) {
      buttons.forEach((button, column) => (button.tabIndex = epoch === place.epoch && column === place.column ? 0 : -1));
    }
  }

  private readonly keydown = (event: KeyboardEvent): void => {
    if (!this.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const { epoch, column } = this.current;
    const epochs = this.epochs;
    const at = epochs.indexOf(epoch);
    const last = (this.rows.get(epoch)?.buttons.length ?? 1) - 1;
    const to: Record<string, [number, number]> = {
      ArrowLeft: [at, column - 1],
      ArrowRight: [at, column + 1],
      ArrowUp: [at + 1, column],
      ArrowDown: [at - 1, column],
      Home: [at, 0],
      End: [at, last],
    };
    const wanted = to[event.key];
    if (!wanted) return;
    event.preventDefault();
    const next = epochs[Math.min(epochs.length - 1, Math.max(0, wanted[0]))];
    if (next !== undefined) this.focus({ epoch: next, column: Math.min(last, Math.max(0, wanted[1])) });
  };

  private forget(): void {
    for (const row of [...this.rows.values()]) this.drop(row);
  }
}
