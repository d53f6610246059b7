/** The controls of a task's parameters, made from their declarations. As `controls.py`. */
import { element } from "@robust-widgets/shared/dom";
import type { ParameterValue } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import type { ChoiceParameter, NumberParameter, ParameterDeclaration, TaskDeclaration } from "../manifest";
import { InputError } from "../studio/problems";
import { allowedWords, isAllowed } from "./parameters";

/** The control of one parameter. */
interface Control {
  readonly root: HTMLElement;
  value: ParameterValue;
}

let count = 0;

/** A slider with a field next to it; a checkbox switches a number on that may be none. */
class NumberControl implements Control {
  readonly root: HTMLElement;
  private readonly slider = element("input", "rs-slider", { type: "range" });
  private readonly field = element("input", "rs-number", { type: "number" });
  private readonly check: HTMLInputElement | null = null;

  constructor(
    private readonly parameter: NumberParameter,
    changed: () => void,
  ) {
    const { label, low, high, step, optional } = parameter;
    const [name, help, id] = labelled(parameter);
    for (const input of [this.slider, this.field]) {
      input.min = String(low);
      input.step = String(step);
      input.setAttribute("aria-describedby", help.id);
    }
    this.slider.max = String(high);
    this.field.id = id;
    // Any allowed number can be typed; the slider has the useful ones.
    this.field.step = parameter.whole ? "1" : "any";
    this.field.min = String(parameter.minimum);
    if (parameter.maximum !== null) this.field.max = String(parameter.maximum);
    this.slider.setAttribute("aria-label", say(label));
    const row = element("div", "rs-control-row", {}, this.slider, this.field);
    if (optional) {
      this.check = element("input", "rs-check", { type: "checkbox", "aria-label": say("Set the %1", say(label)) });
      this.check.addEventListener("change", () => {
        this.show();
        changed();
      });
      row.prepend(this.check);
    }
    this.slider.addEventListener("input", () => {
      this.field.value = this.slider.value;
      this.show();
      changed();
    });
    this.field.addEventListener("input", () => {
      this.slider.value = this.field.value;
      this.show();
      changed();
    });
    this.root = element("div", "rs-control", {}, name, row, help);
    this.value = parameter.default;
  }

  get value(): ParameterValue {
    if (this.check && !this.check.checked) return null;
    const value = this.field.value.trim() === "" ? NaN : Number(this.field.value);
    if (isAllowed(this.parameter, value)) return value;
    this.field.focus();
    throw new InputError(say("%1 must be %2.", say(this.parameter.label), allowedWords(this.parameter)));
  }

  set value(value: ParameterValue) {
    if (this.check) this.check.checked = value !== null;
    if (typeof value === "number" || !this.check) {
      const number = typeof value === "number" ? value : (this.parameter.default ?? this.parameter.low);
      this.slider.value = String(number);
      this.field.value = String(number);
    } else if (this.field.value === "") this.field.value = String(this.parameter.low);
    this.show();
  }

  private show(): void {
    const isOff = this.check !== null && !this.check.checked;
    this.slider.disabled = this.field.disabled = isOff;
    const value = this.field.value.trim() === "" ? NaN : Number(this.field.value);
    this.field.setAttribute("aria-invalid", String(!isOff && !isAllowed(this.parameter, value)));
    const { low, high } = this.parameter;
    const share = (Number(this.slider.value) - low) / (high - low || 1);
    this.slider.style.setProperty("--rs-share", `${100 * share}%`);
  }
}

/** One of a few values. */
class ChoiceControl implements Control {
  readonly root: HTMLElement;
  private readonly select = element("select", "rs-select");
  private readonly values: ParameterValue[] = [];

  constructor(parameter: ParameterDeclaration, options: [string, ParameterValue][], changed: () => void) {
    const [name, help, id] = labelled(parameter);
    this.select.id = id;
    this.select.setAttribute("aria-describedby", help.id);
    for (const [text, value] of options) this.add(text, value);
    this.select.addEventListener("change", () => changed());
    this.root = element("div", "rs-control", {}, name, this.select, help);
    this.value = parameter.default;
  }

  get value(): ParameterValue {
    return this.values[this.select.selectedIndex] ?? null;
  }

  set value(value: ParameterValue) {
    if (!this.values.includes(value)) this.add(String(value), value);
    this.select.selectedIndex = this.values.indexOf(value);
  }

  private add(text: string, value: ParameterValue): void {
    this.values.push(value);
    this.select.append(element("option", "", {}, text));
  }
}

function labelled({ label, help, unit }: ParameterDeclaration): [HTMLLabelElement, HTMLElement, string] {
  const id = `rs-parameter-${++count}`;
  const name = element("label", "rs-label", { for: id }, say(label));
  const words = unit ? `${say(help)} ${say("Unit: %1.", say(unit))}` : say(help);
  name.title = words;
  return [name, element("p", "rs-help", { id: `${id}-help` }, words), id];
}

function choiceOf(parameter: ChoiceParameter, changed: () => void): Control {
  const options = Object.entries(parameter.options).map(([name, text]): [string, ParameterValue] => [
    firstWords(say(text)),
    name,
  ]);
  if (parameter.optional) options.unshift([say(parameter.noneLabel), null]);
  return new ChoiceControl(parameter, options, changed);
}

const firstWords = (text: string): string => text.split(":")[0] ?? text;

function sizeOf(parameter: NumberParameter, changed: () => void): Control {
  const [own = 0, ...larger] = parameter.among ?? [];
  const options: [string, ParameterValue][] = [[say("%1 px, the model's", own), null]];
  return new ChoiceControl(
    parameter,
    [...options, ...larger.map((size): [string, number] => [`${size} px`, size])],
    changed,
  );
}

function controlOf(parameter: ParameterDeclaration, changed: () => void): Control {
  if (parameter.kind === "choice") return choiceOf(parameter, changed);
  return parameter.among ? sizeOf(parameter, changed) : new NumberControl(parameter, changed);
}

/** The controls of one task; the advanced ones are folded away. */
export class TaskControls {
  readonly root = element("div", "rs-controls");
  private readonly controls: ReadonlyMap<string, Control>;

  constructor(
    readonly task: TaskDeclaration,
    changed: () => void,
  ) {
    const built = task.parameters.map((parameter) => ({
      parameter,
      control: controlOf(parameter, changed),
    }));
    this.controls = new Map(built.map(({ parameter, control }) => [parameter.name, control]));
    const grid = (isAdvanced: boolean) =>
      built.filter(({ parameter }) => parameter.advanced === isAdvanced).map(({ control }) => control.root);
    this.root.append(element("div", "rs-grid", {}, ...grid(false)));
    const advanced = grid(true);
    if (!advanced.length) return;
    const summary = element("summary", "", {}, say("More settings"));
    this.root.append(element("details", "rs-more", {}, summary, element("div", "rs-grid", {}, ...advanced)));
  }

  /** All values by name, as a run takes them.
   *
   * @throws InputError a field has something that is not allowed */
  values(): Record<string, ParameterValue> {
    return Object.fromEntries([...this.controls].map(([name, control]) => [name, control.value]));
  }

  /** Sets some of them; names without a control are ignored. */
  set(values: Readonly<Record<string, ParameterValue>>): void {
    for (const [name, value] of Object.entries(values)) {
      const control = this.controls.get(name);
      if (control) control.value = value;
    }
  }

  reset(): void {
    this.set(Object.fromEntries(this.task.parameters.map(({ name, default: value }) => [name, value])));
  }
}
