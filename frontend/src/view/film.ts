/** Evenly spaced pictures of a run, to see its way at a glance and to go to any of them. */
import { element, rove } from "./dom";

const COUNT = 8;

export class Film {
  readonly root = element("div", "rw-view-film", { role: "group", "aria-label": "film strip" });
  private readonly buttons: HTMLButtonElement[];
  private places: number[] = [];
  private addresses: string[] = [];

  constructor(go: (index: number) => void, signal: AbortSignal) {
    this.buttons = Array.from({ length: COUNT }, (_, index) => {
      const button = element("button", "rw-view-still", { type: "button" });
      button.append(element("img", "", { alt: "" }));
      button.addEventListener("click", () => go(this.places[index] ?? 0), { signal });
      return button;
    });
    this.root.append(...this.buttons);
    signal.addEventListener("abort", () => this.forget());
    this.forget();
  }

  fill(pictures: readonly Blob[], steps: readonly number[]): void {
    this.forget();
    const count = Math.min(COUNT, pictures.length);
    this.places = Array.from({ length: count }, (_, index) =>
      count > 1 ? Math.round((index * (pictures.length - 1)) / (count - 1)) : 0,
    );
    this.places.forEach((place, index) => {
      const [button, picture] = [this.buttons[index], pictures[place]];
      if (!button || !picture) return;
      const address = URL.createObjectURL(picture);
      this.addresses.push(address);
      button.querySelector("img")?.setAttribute("src", address);
      button.disabled = false;
      button.title = `step ${steps[place]}`;
      button.setAttribute("aria-label", button.title);
    });
  }

  /** Marks the picture that is nearest to what is shown. */
  mark(at: number): void {
    const offs = this.places.map((place) => Math.abs(place - at));
    const nearest = this.buttons[offs.indexOf(Math.min(...offs))];
    for (const button of this.buttons) {
      if (button === nearest) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    rove(this.buttons, nearest);
  }

  forget(): void {
    for (const address of this.addresses) URL.revokeObjectURL(address);
    this.addresses = [];
    this.places = [];
    for (const button of this.buttons) {
      button.disabled = true;
      button.title = "";
      button.setAttribute("aria-label", "empty");
      button.removeAttribute("aria-current");
      button.querySelector("img")?.removeAttribute("src");
    }
  }
}
