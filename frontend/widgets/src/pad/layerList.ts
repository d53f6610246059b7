/** The layers, from the top: each is shown or hidden, and locked against painting. The order has a meaning of its own
 * (the picture below, the sketch over it, the result over both), so it stays. */
import { element, icon, setLabel, setText } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { button } from "./button";
import type { RasterLayer } from "./messages";

const EYE =
  "M1.5 8S4 3.7 8 3.7 14.5 8 14.5 8 12 12.3 8 12.3 1.5 8 1.5 8z" + "M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z";
const CLOSED = "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5M8 10v1.2";
const OPEN = "M4 7.5h8v6H4zM5.5 7.5V4.5a2.5 2.5 0 0 1 4.8-1";
const HALF = 50;

/** What a layer is called, what it is called in a sentence, and its buttons. */
const names = (): Record<
  RasterLayer,
  { name: string; hide: string; lock: string; hidden: string; locked: string }
> => ({
  mask: {
    name: say("Mask"),
    hide: say("Show the mask"),
    lock: say("Lock the mask"),
    hidden: say("mask hidden"),
    locked: say("mask locked"),
  },
  sketch: {
    name: say("Sketch"),
    hide: say("Show the sketch"),
    lock: say("Lock the sketch"),
    hidden: say("sketch hidden"),
    locked: say("sketch locked"),
  },
  image: {
    name: say("Picture"),
    hide: say("Show the picture"),
    lock: say("Lock the picture"),
    hidden: say("picture hidden"),
    locked: say("picture locked"),
  },
});
const FROM_THE_TOP: readonly RasterLayer[] = ["mask", "sketch", "image"];

export interface LayerActions {
  hide(layer: RasterLayer, isHidden: boolean): void;
  lock(layer: RasterLayer, isLocked: boolean): void;
  /** @param opacity 0 to 1 */
  showResult(opacity: number): void;
}

interface Row {
  root: HTMLElement;
  eye: HTMLButtonElement;
  lock: HTMLButtonElement;
}

export class LayerList {
  readonly root: HTMLDetailsElement;
  private readonly state = element("span", "rw-pad-layers-state");
  private readonly rows: Record<RasterLayer, Row>;
  private readonly opacity = element("input", "rw-pad-opacity", { type: "range", min: "0", max: "100", value: "0" });
  private readonly resultShown = button("", say("Show the result over the sketch"), "", icon(EYE));
  private readonly result: HTMLElement;
  private lastOpacity = HALF;

  constructor(private readonly actions: LayerActions) {
    this.opacity.setAttribute("aria-label", say("Opacity of the result over the sketch"));
    this.opacity.addEventListener("input", () => this.setOpacity(Number(this.opacity.value)));
    this.resultShown.addEventListener("click", () =>
      this.setOpacity(Number(this.opacity.value) ? 0 : this.lastOpacity),
    );
    this.result = element("div", "rw-pad-layer", { role: "group", "aria-label": say("Result") }, this.resultShown);
    this.result.append(element("span", "", {}, say("Result")), this.opacity);
    this.result.hidden = true;
    this.rows = { mask: this.row("mask"), sketch: this.row("sketch"), image: this.row("image") };
    const help = element("p", "rw-pad-layers-help", {}, say("A hidden layer does not go into a run."));
    this.root = element("details", "rw-pad-layers");
    this.root.append(
      element("summary", "", {}, say("Layers"), this.state),
      this.result,
      ...FROM_THE_TOP.map((layer) => this.rows[layer].root),
      help,
    );
    this.root.setAttribute("data-lm-suppress-shortcuts", "true");
    this.showOpacity(0);
  }

  /** Offers to lay the result over the sketch, where there is one. */
  offerResult(): void {
    this.result.hidden = false;
  }

  /** @param hasMask whether there is a mask to paint on */
  update(hidden: readonly RasterLayer[], locked: readonly RasterLayer[], hasMask: boolean): void {
    this.rows.mask.root.hidden = !hasMask;
    const states: string[] = [];
    for (const [layer, words] of Object.entries(names()) as [RasterLayer, ReturnType<typeof names>[RasterLayer]][]) {
      const { eye, lock } = this.rows[layer];
      eye.setAttribute("aria-pressed", String(!hidden.includes(layer)));
      lock.setAttribute("aria-pressed", String(locked.includes(layer)));
      if (layer === "mask" && !hasMask) continue;
      if (hidden.includes(layer)) states.push(words.hidden);
      if (locked.includes(layer)) states.push(words.locked);
    }
    setText(this.state, states.join(", "));
  }

  private row(layer: RasterLayer): Row {
    const words = names()[layer];
    const eye = button("", words.hide, "", icon(EYE));
    const [closed, open] = [icon(CLOSED), icon(OPEN)];
    closed.classList.add("rw-pad-closed");
    open.classList.add("rw-pad-open");
    const lock = button("rw-pad-lock", words.lock, "", closed, open);
    const isPressed = (toggle: HTMLElement) => toggle.getAttribute("aria-pressed") === "true";
    eye.addEventListener("click", () => this.actions.hide(layer, isPressed(eye)));
    lock.addEventListener("click", () => this.actions.lock(layer, !isPressed(lock)));
    const root = element("div", "rw-pad-layer", { role: "group", "aria-label": words.name, "data-layer": layer });
    root.append(eye, element("span", "", {}, words.name), lock);
    return { root, eye, lock };
  }

  private setOpacity(percent: number): void {
    if (percent) this.lastOpacity = percent;
    this.showOpacity(percent);
    this.actions.showResult(percent / 100);
  }

  private showOpacity(percent: number): void {
    this.opacity.value = String(percent);
    this.opacity.setAttribute("aria-valuetext", `${percent} %`);
    this.resultShown.setAttribute("aria-pressed", String(percent > 0));
    setLabel(this.opacity, say("Opacity of the result over the sketch"));
  }
}

/** What is said to somebody who paints on a layer that cannot be painted on; undefined where it can. */
export function refusal(
  layer: RasterLayer,
  hidden: readonly RasterLayer[],
  locked: readonly RasterLayer[],
): string | undefined {
  const words = names()[layer];
  if (locked.includes(layer)) return words.locked;
  return hidden.includes(layer) ? words.hidden : undefined;
}
