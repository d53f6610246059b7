/** What to begin with: sketches, a photograph, or a surprise, one click each. As `start.py`. */
import { element, icon } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import type { ExampleDeclaration } from "../manifest";

const DICE = "M3 3h10v10H3zM5.8 5.8v.1M10.2 5.8v.1M8 8v.1M5.8 10.2v.1M10.2 10.2v.1";

export interface ExampleActions {
  begin(example: ExampleDeclaration): void;
  surprise(): void;
}

export class Examples {
  readonly root = element("details", "rs-examples");

  constructor(examples: readonly ExampleDeclaration[], actions: ExampleActions) {
    const buttons = examples.map((example) => {
      const picture = element("img", "rs-example-picture", { src: example.picture, alt: "" });
      const isSketch = example.task === "sketch_to_image";
      const help = isSketch ? say("Begin with a sketch: %1", example.name) : say("Begin with a photograph of a cat");
      const label = isSketch ? example.name : say("photo");
      return buttonOf(picture, label, help, () => actions.begin(example));
    });
    const dice = element("span", "rs-example-picture", {}, icon(DICE));
    buttons.push(buttonOf(dice, say("surprise"), say("Paint a class drawn at random"), () => actions.surprise()));
    const strip = element("div", "rs-example-strip", {}, ...buttons);
    this.root.append(element("summary", "", {}, say("Begin with an example")), strip);
    this.root.open = true;
  }

  fold(): void {
    this.root.open = false;
  }
}

function buttonOf(picture: HTMLElement, label: string, help: string, act: () => void): HTMLButtonElement {
  const button = element("button", "rs-example", { type: "button", title: help });
  button.append(picture, element("span", "rs-example-label", {}, label));
  button.addEventListener("click", act);
  return button;
}

/** One of several, drawn at random. */
export const drawnOf = <Item>(items: readonly Item[]): Item | undefined =>
  items[Math.floor(Math.random() * items.length)];
