/** The colours of the picture, to paint with. */
import { element, setLabel } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { colorsOf } from "./quantize";
import { canvasOf, pixelsOf } from "./scene";

const COUNT = 10;
const WHITE = 255;

export class PictureColors {
  readonly root = element("div", "rw-pad-colors", { role: "group", "aria-label": say("Colours of the picture") });
  private readonly swatches: HTMLButtonElement[];

  /** @param choose takes the colour that is pressed */
  constructor(choose: (color: string) => void) {
    this.swatches = Array.from({ length: COUNT }, () => {
      const swatch = element("button", "rw-pad-swatch", { type: "button" });
      setLabel(swatch, say("Colours of the picture"));
      swatch.addEventListener("click", () => choose(swatch.dataset["color"] ?? ""));
      return swatch;
    });
    this.root.append(...this.swatches);
    this.root.setAttribute("data-lm-suppress-shortcuts", "true");
    this.root.hidden = true;
  }

  get isShown(): boolean {
    return !this.root.hidden;
  }

  hide(): void {
    this.root.hidden = true;
  }

  /** Shows the colours of the picture, or of the painting if there is no picture; false if there is neither. */
  show(host: HTMLElement): boolean {
    const layers = (["image", "painting"] as const).map((name) => canvasOf(host, name));
    const pixels = layers.map((canvas) => (canvas ? pixelsOf(canvas).slice() : new Uint8ClampedArray()));
    const seen = pixels.find((values) => values.some((value) => value !== WHITE));
    this.root.hidden = !seen;
    if (!seen) return false;
    const colors = colorsOf(seen, COUNT);
    this.swatches.forEach((swatch, index) => {
      const color = colors[index] ?? "";
      swatch.hidden = !color;
      swatch.dataset["color"] = color;
      swatch.style.backgroundColor = color;
      setLabel(swatch, say("Paint %1", color));
    });
    return true;
  }
}
