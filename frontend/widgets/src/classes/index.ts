/** The class picker: the class chosen, a search field, and a grid of pictures. Python does the searching. */
import { trySend } from "@robust-widgets/shared/connection";
import { element, setTabStop, setText } from "@robust-widgets/shared/dom";
import type { Buffers, RenderContext } from "@robust-widgets/shared/model";
import "@robust-widgets/shared/tokens.css";
import "./classes.css";
import type { Model, PictureMessage } from "./messages";
import { Pictures } from "./pictures";

/** Sizes in pixels, as in the style sheet. */
const TILE = 52;
const CHOSEN = 56;

class ClassPicker {
  private readonly closed = new AbortController();
  private readonly root = element("div", "rw-classes", { "data-lm-suppress-shortcuts": "true" });
  private readonly picture = element("span", "rw-classes-picture");
  private readonly name = element("strong", "rw-classes-name");
  private readonly search: HTMLInputElement;
  private readonly list = element("div", "rw-classes-list", { role: "listbox", "aria-label": "class" });
  private readonly hint = element("div", "rw-classes-hint", { role: "status" });
  private readonly pictures: Pictures;
  private readonly tiles: HTMLElement[] = [];
  private readonly inView: IntersectionObserver;

  constructor(
    private readonly model: Model,
    el: HTMLElement,
  ) {
    const { signal } = this.closed;
    this.search = element("input", "", {
      type: "search",
      placeholder: `search ${model.get("names").length} classes`,
      "aria-label": "find a class",
    });
    this.pictures = new Pictures(model, (classes) => trySend(model, { kind: "want", classes }));
    const text = element("div", "rw-classes-text", {}, this.name, this.search);
    const head = element("div", "rw-classes-head", {}, this.picture, text);
    this.root.append(head, this.hint, this.list);
    el.append(this.root);
    this.inView = new IntersectionObserver((entries) => this.onView(entries), { root: this.list });
    this.search.addEventListener("input", () => this.set("search", this.search.value), { signal });
    this.search.addEventListener("keydown", (event) => this.enterList(event), { signal });
    this.list.addEventListener("click", (event) => this.pick(tileAt(event)), { signal });
    this.list.addEventListener("keydown", (event) => this.keydown(event), { signal });
    model.on("change:names", this.rebuild);
    model.on("change:matching", this.arrange);
    model.on("change:sheet", this.rebuild);
    model.on("msg:custom", this.receive);
    for (const name of ["hint", "search"] as const) model.on(`change:${name}`, this.update);
    model.on("change:selected", this.follow);
    this.rebuild();
    trySend(model, { kind: "hello" });
  }

  readonly close = (): void => {
    this.closed.abort();
    this.inView.disconnect();
    this.pictures.close();
    this.model.off("change:names", this.rebuild);
    this.model.off("change:matching", this.arrange);
    this.model.off("change:sheet", this.rebuild);
    this.model.off("msg:custom", this.receive);
    for (const name of ["hint", "search"] as const) this.model.off(`change:${name}`, this.update);
    this.model.off("change:selected", this.follow);
    this.root.remove();
  };

  private readonly rebuild = (): void => {
    this.pictures.readSheet();
    this.inView.disconnect();
    this.tiles.length = 0;
    this.model.get("names").forEach((name, index) => {
      const thumbnail = element("span", "rw-classes-thumb");
      const label = element("span", "rw-classes-label", {}, name);
      const attributes = { role: "option", tabindex: "-1", title: name, "data-index": String(index) };
      const tile = element("div", "rw-classes-tile", attributes, thumbnail, label);
      this.tiles.push(tile);
      this.inView.observe(tile);
    });
    this.arrange();
  };

  /** Shows the classes that match, in their order. */
  private readonly arrange = (): void => {
    const hadFocus = this.list.contains(document.activeElement);
    const tiles = this.model.get("matching").flatMap((index) => this.tiles[index] ?? []);
    this.list.replaceChildren(...tiles);
    this.update();
    if (hadFocus) this.chosen?.focus();
    else this.reveal();
  };

  private readonly follow = (): void => {
    this.update();
    this.reveal();
  };

  /** Scrolls the list to the chosen class, and nothing around the list. */
  private reveal(): void {
    const { chosen, list } = this;
    if (!chosen) return;
    const top = chosen.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top + chosen.offsetHeight > list.scrollTop + list.clientHeight)
      list.scrollTop = top - 4;
  }

  private readonly update = (): void => {
    const { model, chosen } = this;
    const selected = model.get("selected");
    for (const tile of this.list.children) {
      const isChosen = String(tile === chosen);
      if (tile.getAttribute("aria-selected") !== isChosen) tile.setAttribute("aria-selected", isChosen);
    }
    setTabStop(this.shownTiles, chosen ?? this.shownTiles[0]);
    setText(this.name, selected || "no class chosen");
    setText(this.hint, model.get("hint"));
    this.hint.hidden = !this.hint.textContent;
    if (this.search.value !== model.get("search") && document.activeElement !== this.search) {
      this.search.value = model.get("search");
    }
    const index = model.get("names").indexOf(selected);
    this.picture.hidden = index < 0;
    if (index < 0) return;
    this.pictures.paint(this.picture, index, CHOSEN);
    this.pictures.want(index);
  };

  private onView(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && target instanceof HTMLElement) this.show(Number(target.dataset["index"]));
    }
  }

  private show(index: number): void {
    const thumbnail = this.tiles[index]?.firstElementChild;
    if (!(thumbnail instanceof HTMLElement)) return;
    this.pictures.paint(thumbnail, index, TILE);
    this.pictures.want(index);
  }

  private readonly receive = ({ index }: PictureMessage, [jpeg]: Buffers): void => {
    if (!jpeg) return;
    this.pictures.take(index, jpeg);
    this.show(index);
    this.update();
  };

  private get shownTiles(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>("[role=option]")];
  }

  private get chosen(): HTMLElement | undefined {
    const tile = this.tiles[this.model.get("names").indexOf(this.model.get("selected"))];
    return tile?.isConnected ? tile : undefined;
  }

  private set(name: "search" | "selected", value: string): void {
    this.model.set(name, value);
    this.model.save_changes();
  }

  private pick(tile: HTMLElement | undefined): void {
    const name = this.model.get("names")[Number(tile?.dataset["index"])];
    if (name !== undefined && name !== this.model.get("selected")) this.set("selected", name);
  }

  /** From the search field, the arrow down leads to the first match. */
  private enterList(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    (this.chosen ?? this.shownTiles[0])?.focus();
  }

  /** Arrows choose, as in a list. */
  private keydown(event: KeyboardEvent): void {
    const tile = tileAt(event);
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    const tiles = this.shownTiles;
    const first = tiles[0]?.offsetTop;
    const perRow = Math.max(1, tiles.filter(({ offsetTop }) => offsetTop === first).length);
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -perRow,
      ArrowDown: perRow,
      Home: -tiles.length,
      End: tiles.length,
      " ": 0,
      Enter: 0,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = tiles[Math.min(tiles.length - 1, Math.max(0, tiles.indexOf(tile) + step))];
    this.pick(next);
    setTabStop(tiles, next);
    next?.focus();
  }
}

const tileAt = ({ target }: Event): HTMLElement | undefined =>
  (target instanceof Element ? target.closest<HTMLElement>("[role=option]") : null) ?? undefined;

const render = ({ model, el }: RenderContext<Model>): (() => void) => new ClassPicker(model, el).close;

export default { render };
