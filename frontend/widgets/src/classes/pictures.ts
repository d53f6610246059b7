/** The pictures of the classes: from one sheet, or one by one as they are painted. */
import { pictureBlob } from "@robust-widgets/shared/dom";
import type { Model } from "./messages";

/** How long to wait for more tiles to come into view before their pictures are asked for. */
const DEBOUNCE_MS = 200;
const MOST_WANTED = 64;

export class Pictures {
  private sheetUrl = "";
  private readonly urls = new Map<number, string>();
  private readonly asked = new Set<number>();
  private wanted: number[] = [];
  private timer = 0;

  constructor(
    private readonly model: Model,
    private readonly ask: (classes: number[]) => void,
  ) {
    this.readSheet();
  }

  /** Takes the sheet from the model. */
  readSheet(): void {
    URL.revokeObjectURL(this.sheetUrl);
    const sheet = this.model.get("sheet");
    this.sheetUrl = sheet.byteLength ? URL.createObjectURL(pictureBlob(sheet)) : "";
  }

  take(index: number, jpeg: DataView<ArrayBuffer>): void {
    URL.revokeObjectURL(this.urls.get(index) ?? "");
    this.urls.set(index, URL.createObjectURL(pictureBlob(jpeg)));
  }

  /** Shows a class's picture as the background of an element that is `side` pixels wide. */
  paint(target: HTMLElement, index: number, side: number): void {
    const own = this.urls.get(index);
    const columns = this.model.get("columns");
    if (!own && !this.sheetUrl) return;
    const { style } = target;
    const image = `url(${JSON.stringify(own ?? this.sheetUrl)})`;
    if (style.backgroundImage === image && !own && target.dataset["index"] === String(index)) return;
    target.dataset["index"] = String(index);
    style.backgroundImage = image;
    style.backgroundSize = own ? "cover" : `${columns * side}px auto`;
    style.backgroundPosition = own ? "" : `${-side * (index % columns)}px ${-side * Math.floor(index / columns)}px`;
  }

  /** Asks for the picture of a class that came into view, if it is not there. */
  want(index: number): void {
    if (this.sheetUrl || this.urls.has(index) || this.asked.has(index) || !this.model.get("painting")) return;
    this.asked.add(index);
    this.wanted.push(index);
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      this.ask(this.wanted.splice(0, MOST_WANTED));
    }, DEBOUNCE_MS);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const url of [this.sheetUrl, ...this.urls.values()]) URL.revokeObjectURL(url);
  }
}
