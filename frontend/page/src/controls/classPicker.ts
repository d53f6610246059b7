/** Chooses a class: a field that searches, and a list of what matches, the best first (the combobox of ARIA's practices). */
import { element, setText } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { InputError } from "../studio/problems";
import { ClassSearch, type Match } from "./classSearch";

const FIRST_CLASS = "goldfish";

export class ClassPicker {
  readonly root: HTMLElement;
  private readonly field: HTMLInputElement;
  private readonly list = element("ul", "rs-options", { role: "listbox", id: "rs-classes" });
  private readonly hint = element("p", "rs-hint rs-class-hint", { role: "status" });
  private readonly search: ClassSearch;
  private matches: Match[] = [];
  private active = 0;
  private chosen: string;

  /** @param pictures the address of what each class looks like to the model; empty if unknown */
  constructor(
    private readonly classes: readonly string[],
    synonyms: readonly (readonly string[])[],
    private readonly pictures: readonly string[],
    private readonly changed: () => void,
  ) {
    this.search = new ClassSearch(classes, synonyms);
    this.chosen = this.search.exactly(FIRST_CLASS) ?? classes[0] ?? "";
    this.field = element("input", "rs-field", {
      ...{ type: "text", role: "combobox", id: "rs-class", autocomplete: "off", spellcheck: "false" },
      ...{ "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "rs-classes" },
      placeholder: say("search %1 classes", classes.length),
    });
    const label = element("label", "rs-label", { for: "rs-class" }, say("class"));
    this.list.setAttribute("aria-label", say("classes"));
    this.list.hidden = true;
    this.root = element("div", "rs-picker", {}, label, this.field, this.list, this.hint);
    this.field.value = this.chosen;
    this.field.addEventListener("focus", () => this.field.select());
    this.field.addEventListener("click", () => this.open(""));
    this.field.addEventListener("input", () => this.open(this.field.value));
    this.field.addEventListener("keydown", (event) => this.keydown(event));
    this.field.addEventListener("blur", () => this.leave());
    // Before the field loses the focus.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", ({ target }) => {
      const option = target instanceof Element ? target.closest<HTMLElement>("[role=option]") : null;
      if (option) this.choose(this.matches[Number(option.dataset["at"])]?.name);
    });
  }

  /** @throws InputError what was typed is no class */
  get value(): string {
    if (this.field.value !== this.chosen && !this.take(this.field.value)) throw new InputError(this.unknown());
    return this.chosen;
  }

  set value(name: string) {
    this.choose(this.search.exactly(name));
  }

  has(name: string): boolean {
    return this.classes.includes(name);
  }

  private unknown(): string {
    const near = this.search.nearest(this.field.value).map((name) => `“${name}”`);
    return say("There is no class “%1”; the closest are %2.", this.field.value.trim(), near.join(", "));
  }

  private open(wanted: string): void {
    this.matches = this.search.find(wanted);
    const [best] = this.matches;
    this.active = wanted.trim()
      ? 0
      : Math.max(
          0,
          this.matches.findIndex(({ name }) => name === this.chosen),
        );
    setText(this.hint, best?.other && wanted.trim() ? say("“%1” is also called “%2”.", best.name, best.other) : "");
    if (!best) setText(this.hint, this.unknown());
    const options = this.matches.map(({ name, index, other }, at) => {
      const attributes = { role: "option", id: `rs-class-${at}`, "data-at": String(at) };
      const option = element("li", "rs-option", attributes);
      const picture = this.pictures[index];
      if (picture) option.append(element("img", "", { src: picture, alt: "", width: "32", height: "32" }));
      option.append(element("span", "", {}, name));
      if (other && wanted.trim()) option.append(element("small", "", {}, other));
      return option;
    });
    this.list.replaceChildren(...options);
    this.show(this.matches.length > 0);
  }

  private show(isOpen: boolean): void {
    this.list.hidden = !isOpen;
    this.field.setAttribute("aria-expanded", String(isOpen));
    // A list near the lower edge of the window opens upwards.
    const { bottom } = this.field.getBoundingClientRect();
    this.root.classList.toggle("rs-upwards", bottom > 0.6 * window.innerHeight);
    this.mark();
  }

  private mark(): void {
    const options = [...this.list.querySelectorAll<HTMLElement>("[role=option]")];
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.active)));
    const active = this.list.hidden ? undefined : options[this.active];
    if (active) this.field.setAttribute("aria-activedescendant", active.id);
    else this.field.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  private keydown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey) return;
    const isOpen = !this.list.hidden;
    const last = this.matches.length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen) this.open(this.field.value === this.chosen ? "" : this.field.value);
      else this.active = Math.min(last, Math.max(0, this.active + (event.key === "ArrowDown" ? 1 : -1)));
      this.mark();
    } else if (event.key === "Enter" && isOpen) this.choose(this.matches[this.active]?.name);
    else if (event.key === "Escape" && (isOpen || this.field.value !== this.chosen)) this.choose(this.chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Takes what was typed, if a class matches it. */
  private take(text: string): boolean {
    const best = text.trim() ? this.search.find(text)[0] : undefined;
    if (best) this.choose(best.name);
    return best !== undefined;
  }

  private leave(): void {
    this.show(false);
    if (this.field.value.trim() === "") this.choose(this.chosen);
    else if (this.field.value !== this.chosen) this.take(this.field.value);
  }

  private choose(name: string | undefined): void {
    if (name === undefined) return;
    const isNew = name !== this.chosen;
    this.chosen = this.field.value = name;
    setText(this.hint, "");
    this.show(false);
    if (isNew) this.changed();
  }
}
