/** Evenly spaced pictures of a run, each a button that goes to its step. */
import { element, setLabel, setTabStop } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";

const COUNT = 8;

interface Still {
  button: HTMLButtonElement;
  image: HTMLImageElement;
}

export class FilmStrip {
  readonly root = element("div", "rw-view-film", { role: "group", "aria-label": say("film strip") });
  private readonly stills: Still[];
  /** The index of each still's picture among all pictures. */
  private indices: number[] = [];
  private urls: string[] = [];

  constructor(go: (index: number) => void, signal: AbortSignal) {
    this.stills = Array.from({ length: COUNT }, (_, position) => {
      const image = element("img", "", { alt: "" });
      const button = element("button", "rw-view-still", { type: "button" }, image);
      button.addEventListener("click", () => go(this.indices[position] ?? 0), { signal });
      return { button, image };
    });
    this.root.append(...this.buttons);
    signal.addEventListener("abort", () => this.clear());
    this.clear();
  }

  fill(pictures: readonly Blob[], steps: readonly number[]): void {
    this.clear();
    const count = Math.min(COUNT, pictures.length);
    const spacing = count > 1 ? (pictures.length - 1) / (count - 1) : 0;
    this.indices = Array.from({ length: count }, (_, position) => Math.round(position * spacing));
    this.indices.forEach((index, position) => {
      const [still, picture] = [this.stills[position], pictures[index]];
      if (!still || !picture) return;
      const url = URL.createObjectURL(picture);
      this.urls.push(url);
      still.image.src = url;
      still.button.disabled = false;
      setLabel(still.button, say("step %1", steps[index] ?? 0));
    });
  }

  /** Marks the picture nearest to the one that is shown. */
  mark(at: number): void {
    const distances = this.indices.map((index) => Math.abs(index - at));
    const nearest = this.stills[distances.indexOf(Math.min(...distances))]?.button;
    for (const button of this.buttons) {
      if (button === nearest) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    setTabStop(this.buttons, nearest);
  }

  clear(): void {
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = [];
    this.indices = [];
    for (const { button, image } of this.stills) {
      button.disabled = true;
      button.title = "";
      button.setAttribute("aria-label", say("empty"));
      button.removeAttribute("aria-current");
      image.removeAttribute("src");
    }
  }

  private get buttons(): HTMLButtonElement[] {
    return this.stills.map(({ button }) => button);
  }
}
