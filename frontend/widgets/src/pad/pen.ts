/** What the pressure of a pen does. It belongs to the tablet, so the browser keeps it, for all studios. */
import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import type { Pressure } from "./messages";

export type Touch = "soft" | "linear" | "firm";

/** The exponent of each curve: a soft one reaches full pressure early, a firm one late. */
const EXPONENTS: Readonly<Record<Touch, number>> = { soft: 0.5, linear: 1, firm: 2 };
const KEY = "robust-widgets-pen";

const pressures = (): [Pressure, string][] => [
  ["size", say("size")],
  ["opacity", say("opacity")],
  ["both", say("size and opacity")],
  ["none", say("nothing")],
];
const touches = (): [Touch, string][] => [
  ["soft", say("soft")],
  ["linear", say("linear")],
  ["firm", say("firm")],
];

/** The settings of the pen, which are offered once a pen was seen. */
export class Pen {
  readonly root: HTMLElement;
  private readonly pressureField: HTMLSelectElement;
  private readonly touchField: HTMLSelectElement;

  constructor() {
    const stored = read();
    this.pressureField = select(say("What the pen's pressure sets"), pressures(), stored?.pressure ?? "size");
    this.touchField = select(say("How the pen answers pressure"), touches(), stored?.touch ?? "linear");
    this.root = element("div", "rw-pad-pen", { role: "group", "aria-label": say("Pen") });
    this.root.append(say("Pen pressure:"), this.pressureField, this.touchField);
    this.root.setAttribute("data-lm-suppress-shortcuts", "true");
    this.root.hidden = !stored;
    this.root.addEventListener("change", () => write({ pressure: this.pressure, touch: this.touch }));
  }

  get pressure(): Pressure {
    return this.pressureField.value as Pressure;
  }

  private get touch(): Touch {
    return this.touchField.value as Touch;
  }

  /** The pressure of a pen after the curve, 0 to 1, to three decimals. */
  curved(pressure: number): number {
    this.root.hidden = false;
    return Math.round(1000 * Math.min(1, Math.max(0, pressure)) ** EXPONENTS[this.touch]) / 1000;
  }
}

function select(label: string, options: [string, string][], chosen: string): HTMLSelectElement {
  const field = element("select", "", { "aria-label": label, title: label });
  field.append(...options.map(([value, text]) => element("option", "", { value }, text)));
  field.value = chosen;
  return field;
}

interface Stored {
  pressure: Pressure;
  touch: Touch;
}

function read(): Stored | null {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "null") as Partial<Stored> | null;
    const pressure = pressures().find(([value]) => value === stored?.pressure)?.[0];
    const touch = touches().find(([value]) => value === stored?.touch)?.[0];
    return pressure && touch ? { pressure, touch } : null;
  } catch {
    return null; // the browser allows no storage here, or somebody else wrote there
  }
}

function write(settings: Stored): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // It then holds for this page only.
  }
}
