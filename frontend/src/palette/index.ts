import type { RenderContext, WidgetModel } from "../anywidget";
import { post } from "../line";
import "./palette.css";

interface Entry {
  name: string;
  classes: string[];
}

interface State {
  entries: Entry[];
  sheet: DataView<ArrayBuffer>;
  columns: number;
  value: string;
  label: string;
}

type Model = WidgetModel<State, never, { kind: "pick"; name: string }>;

const TILE = 48;
const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

function element<Name extends keyof HTMLElementTagNameMap>(name: Name, attributes: Record<string, string> = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A grid of thumbnails, narrowed by typing. One tile at a time takes part in the Tab order; arrows move on. */
function render({ model, el }: RenderContext<Model>) {
  const ended = new AbortController();
  const { signal } = ended;
  const root = element("div", { class: "rw-palette", "data-lm-suppress-shortcuts": "true" });
  const search = element("input", { type: "search", placeholder: "type to search", "aria-label": "find a feature" });
  const list = element("div", { role: "listbox" });
  const chosen = element("div", { class: "rw-palette-chosen", "aria-live": "polite" });
  root.append(search, list, chosen);
  el.append(root);

  let sheet = "";
  let tiles: HTMLElement[] = [];

  function matching() {
    const wanted = search.value.trim().toLowerCase();
    return model
      .get("entries")
      .map((entry, index) => ({ ...entry, index }))
      .filter(({ name, classes }) => [name, ...classes].some((word) => word.toLowerCase().includes(wanted)));
  }

  function build() {
    URL.revokeObjectURL(sheet);
    sheet = URL.createObjectURL(new Blob([model.get("sheet")], { type: "image/jpeg" }));
    list.setAttribute("aria-label", model.get("label"));
    fill();
  }

  function fill() {
    const columns = model.get("columns");
    tiles = matching().map(({ name, classes, index }) => {
      const words = `${name}: fires for ${classes.join(", ")}`;
      const tile = element("div", { role: "option", title: words, "aria-label": words, tabindex: "-1" });
      tile.dataset["name"] = name;
      tile.style.backgroundImage = `url(${sheet})`;
      tile.style.backgroundPosition = `${-TILE * (index % columns)}px ${-TILE * Math.floor(index / columns)}px`;
      return tile;
    });
    list.replaceChildren(...tiles);
    show();
  }

  function show() {
    const value = model.get("value");
    const entry = model.get("entries").find(({ name }) => name === value);
    for (const tile of tiles) tile.setAttribute("aria-selected", String(tile.dataset["name"] === value));
    const current = tiles.find((tile) => tile.dataset["name"] === value) ?? tiles[0];
    for (const tile of tiles) tile.tabIndex = tile === current ? 0 : -1;
    chosen.replaceChildren();
    if (!tiles.length) chosen.textContent = "No feature has this name.";
    else if (entry) {
      const classes = element("small");
      classes.textContent = ` fires for ${entry.classes.join(", ")}`;
      chosen.append(entry.name, classes);
    }
  }

  function pick(tile: HTMLElement | undefined) {
    const name = tile?.dataset["name"];
    if (name && name !== model.get("value")) post(model, { kind: "pick", name });
  }

  const tileOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[role=option]") ?? undefined;

  function onKey(event: KeyboardEvent) {
    const tile = tileOf(event);
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") pick(tile);
    else {
      const perRow = Math.max(1, Math.floor(list.clientWidth / (TILE + 3)));
      const step = { ...STEPS, ArrowUp: -perRow, ArrowDown: perRow }[event.key];
      if (step === undefined) return;
      const next = tiles[Math.min(tiles.length - 1, Math.max(0, tiles.indexOf(tile) + step))];
      if (next) {
        tile.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    }
    event.preventDefault();
    event.stopPropagation();
  }

  search.addEventListener("input", fill, { signal });
  list.addEventListener("click", (event) => pick(tileOf(event)), { signal });
  list.addEventListener("keydown", onKey, { signal });
  model.on("change:value", show);
  model.on("change:sheet", build);
  build();

  return () => {
    ended.abort();
    URL.revokeObjectURL(sheet);
    model.off("change:value", show);
    model.off("change:sheet", build);
    root.remove();
  };
}

export default { render };
