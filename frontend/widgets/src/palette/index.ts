/** The palette of features: a grid of thumbnails with a search field. Tab reaches one tile, arrow keys move on. */
import { trySend } from "@robust-widgets/shared/connection";
import { element, setLabel, setTabStop } from "@robust-widgets/shared/dom";
import type { RenderContext, WidgetModel } from "@robust-widgets/shared/model";
import { say } from "@robust-widgets/shared/translation";
import "@robust-widgets/shared/tokens.css";
import "./palette.css";

interface Entry {
  name: string;
  classes: string[];
}

interface State {
  entries: Entry[];
  /** All thumbnails in one JPEG, row by row. */
  sheet: DataView<ArrayBuffer>;
  columns: number;
  value: string;
  label: string;
}

type Model = WidgetModel<State, never, { kind: "pick"; name: string }>;

const TILE = 48;
const GAP = 3;
const KEYS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

class Palette {
  private readonly closed = new AbortController();
  private readonly root = element("div", "rw-palette", { "data-lm-suppress-shortcuts": "true" });
  private readonly search = element("input", "", {
    type: "search",
    placeholder: say("type to search"),
    "aria-label": say("find a feature"),
  });
  private readonly list = element("div", "", { role: "listbox" });
  private readonly description = element("div", "rw-palette-chosen", { "aria-live": "polite" });
  private tiles: HTMLElement[] = [];
  private sheetUrl = "";

  constructor(
    private readonly model: Model,
    el: HTMLElement,
  ) {
    const { signal } = this.closed;
    this.root.append(this.search, this.list, this.description);
    el.append(this.root);
    this.search.addEventListener("input", () => this.fill(), { signal });
    this.list.addEventListener("click", (event) => this.pick(tileAt(event)), { signal });
    this.list.addEventListener("keydown", (event) => this.keydown(event), { signal });
    model.on("change:value", this.update);
    model.on("change:sheet", this.rebuild);
    this.rebuild();
  }

  readonly close = (): void => {
    this.closed.abort();
    URL.revokeObjectURL(this.sheetUrl);
    this.model.off("change:value", this.update);
    this.model.off("change:sheet", this.rebuild);
    this.root.remove();
  };

  private readonly rebuild = (): void => {
    URL.revokeObjectURL(this.sheetUrl);
    this.sheetUrl = URL.createObjectURL(new Blob([this.model.get("sheet")], { type: "image/jpeg" }));
    this.list.setAttribute("aria-label", this.model.get("label"));
    this.fill();
  };

  /** Shows the entries that match the search, by their name or by a class. */
  private fill(): void {
    const folded = (text: string) => text.normalize("NFC").toLowerCase();
    const wanted = folded(this.search.value.trim());
    const matches = ({ name, classes }: Entry) => [name, ...classes].some((text) => folded(text).includes(wanted));
    this.tiles = this.model.get("entries").flatMap((entry, index) => (matches(entry) ? [this.tile(entry, index)] : []));
    this.list.replaceChildren(...this.tiles);
    this.update();
  }

  private tile({ name, classes }: Entry, index: number): HTMLElement {
    const columns = this.model.get("columns");
    const tile = element("div", "", { role: "option", tabindex: "-1", "data-name": name });
    setLabel(tile, say("%1: fires for %2", name, classes.join(", ")));
    tile.style.backgroundImage = `url(${this.sheetUrl})`;
    tile.style.backgroundPosition = `${-TILE * (index % columns)}px ${-TILE * Math.floor(index / columns)}px`;
    return tile;
  }

  private readonly update = (): void => {
    const value = this.model.get("value");
    const entry = this.model.get("entries").find(({ name }) => name === value);
    const chosen = this.tiles.find((tile) => tile.dataset["name"] === value);
    for (const tile of this.tiles) tile.setAttribute("aria-selected", String(tile === chosen));
    setTabStop(this.tiles, chosen ?? this.tiles[0]);
    this.description.replaceChildren();
    if (!this.tiles.length) this.description.textContent = say("No feature has this name.");
    else if (entry)
      this.description.append(
        entry.name,
        element("small", "", {}, ` ${say("fires for %1", entry.classes.join(", "))}`),
      );
  };

  private pick(tile: HTMLElement | undefined): void {
    const name = tile?.dataset["name"];
    if (name && name !== this.model.get("value")) trySend(this.model, { kind: "pick", name });
  }

  private keydown(event: KeyboardEvent): void {
    const tile = tileAt(event);
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") this.pick(tile);
    else {
      const perRow = Math.max(1, Math.floor(this.list.clientWidth / (TILE + GAP)));
      const step = { ...KEYS, ArrowUp: -perRow, ArrowDown: perRow }[event.key];
      if (step === undefined) return;
      const next = this.tiles[Math.min(this.tiles.length - 1, Math.max(0, this.tiles.indexOf(tile) + step))];
      setTabStop(this.tiles, next);
      next?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

const tileAt = ({ target }: Event): HTMLElement | undefined =>
  (target instanceof Element ? target.closest<HTMLElement>("[role=option]") : null) ?? undefined;

const render = ({ model, el }: RenderContext<Model>): (() => void) => new Palette(model, el).close;

export default { render };
