/** The curves of one run under tabs: loss and probability, the leading classes, the distance from the start. */
import { Chart, type Drawing } from "./chart";
import type { Columns } from "./columns";
import { element, say } from "./dom";
import type { Value } from "./messages";
import { Tabs } from "./tabs";
import { percent, plain } from "./words";

const HIGH = 116;
const LOW = 50;

export class Panel {
  readonly root: HTMLElement;
  private readonly tabs: Tabs;
  private readonly charts: Record<string, Chart[]>;
  private readonly foot = element("div", "rw-chart-foot");
  private readonly none = element("div", "rw-view-quiet");
  private last: (() => void) | null = null;

  constructor(scrub: (step: number) => void, signal: AbortSignal) {
    const names: [string, string][] = [["progress", "Loss & target"], ["top", "Top 5"], ["distance", "Distance"]];
    this.tabs = new Tabs("curves", names, () => this.last?.(), signal);
    this.root = this.tabs.root;
    this.charts = {
      progress: [new Chart(LOW, scrub, signal), new Chart(LOW, scrub, signal)],
      top: [new Chart(HIGH, scrub, signal)],
      distance: [new Chart(HIGH, scrub, signal)],
    };
    this.foot.innerHTML = "<span>step 0</span><span></span>";
    this.tabs.panel.append(...Object.values(this.charts).flat().map(({ root }) => root), this.foot, this.none);
  }

  /** @param at the place the marker stands at, -1 for none @param end the step at the right edge */
  draw(columns: Columns, at: number, end: number, title: string): void {
    this.last = () => this.draw(columns, at, end, title);
    const here = columns.steps[at] ?? null;
    const { steps } = columns;
    const now = (values: readonly Value[]) => values[at];
    for (const [name, charts] of Object.entries(this.charts)) {
      for (const { root } of charts) root.hidden = name !== this.tabs.chosen;
    }
    say(this.foot.lastElementChild ?? this.foot, columns.length ? String(end) : "");
    say(this.none, "");
    const one = (index: number, drawing: Omit<Drawing, "end" | "here">) =>
      this.charts[this.tabs.chosen]?.[index]?.draw({ ...drawing, end, here });
    if (this.tabs.chosen === "progress") {
      const { loss, probability } = columns;
      one(0, { series: [{ name: "loss", look: 0, steps, values: loss, now: now(loss) }], words: plain });
      const target = { name: title || "target", look: 1, steps, values: probability, now: now(probability) };
      one(1, { series: [target], words: percent, range: [0, 1] });
    } else if (this.tabs.chosen === "top") {
      const leaders = columns.leaders();
      const series = leaders.map(({ name, values }, look) => ({ name, look, steps, values, now: now(values) }));
      one(0, { series, words: percent, range: [0, 1] });
      if (columns.length && !leaders.length) say(this.none, "The classes' probabilities were not recorded.");
    } else {
      const { distance, radius } = columns;
      const rule = radius === null ? undefined : { value: radius, name: "ε" };
      one(0, { series: [{ name: "distance", look: 0, steps, values: distance, now: now(distance) }], words: plain, rule });
    }
  }
}
