/** The curves of one run on tabs: loss and probability, the top classes, the distance from the start. */
import { Chart, type Drawing, type Series } from "@robust-widgets/shared/chart";
import type { Columns } from "@robust-widgets/shared/columns";
import type { Value } from "@robust-widgets/shared/curves";
import { element, setText } from "@robust-widgets/shared/dom";
import { percent, plain } from "@robust-widgets/shared/numbers";
import { say } from "@robust-widgets/shared/translation";
import { Tabs } from "@robust-widgets/shared/tabs";

const TALL = 116;
const LOW = 50;

type Name = "progress" | "top" | "distance";

export class CurvePanel {
  readonly root: HTMLElement;
  private readonly tabs: Tabs<Name>;
  private readonly charts: Record<Name, Chart[]>;
  private readonly lastStep = element("span");
  private readonly hint = element("div", "rw-view-quiet");
  private redraw: (() => void) | null = null;

  /** @param scrub called with the step that the user points at */
  constructor(scrub: (step: number) => void, signal: AbortSignal) {
    const labels: [Name, string][] = [
      ["progress", say("Loss & target")],
      ["top", say("Top 5")],
      ["distance", say("Distance")],
    ];
    this.tabs = new Tabs(say("curves"), labels, () => this.redraw?.(), signal);
    this.root = this.tabs.root;
    this.root.classList.add("rw-panel");
    this.root.prepend(element("button", "rw-fold", { type: "button" }, "Curves"));
    this.charts = {
      progress: [new Chart(LOW, scrub, signal), new Chart(LOW, scrub, signal)],
      top: [new Chart(TALL, scrub, signal)],
      distance: [new Chart(TALL, scrub, signal)],
    };
    const foot = element("div", "rw-chart-foot", {}, element("span", "", {}, say("step %1", 0)), this.lastStep);
    const roots = Object.values(this.charts).flatMap((charts) => charts.map(({ root }) => root));
    this.tabs.panel.append(...roots, foot, this.hint);
  }

  /**
   * @param at index of the marker, -1 for none
   * @param end step at the right edge
   */
  draw(columns: Columns, at: number, end: number, title: string): void {
    this.redraw = () => this.draw(columns, at, end, title);
    const { chosen } = this.tabs;
    for (const [name, charts] of Object.entries(this.charts)) {
      for (const { root } of charts) root.hidden = name !== chosen;
    }
    setText(this.lastStep, columns.length ? String(end) : "");
    const marker = columns.steps[at] ?? null;
    drawings(chosen, columns, at, title).forEach((drawing, index) => {
      this.charts[chosen][index]?.draw({ ...drawing, end, marker });
    });
    const isMissing = chosen === "top" && columns.length > 0 && !columns.leaders().length;
    setText(this.hint, isMissing ? say("The classes' probabilities were not recorded.") : "");
  }
}

function drawings(name: Name, columns: Columns, at: number, title: string): Omit<Drawing, "end" | "marker">[] {
  const { steps, loss, probability, distance, radius } = columns;
  const curve = (label: string, look: number, values: Value[]): Series[] => [
    { name: label, look, steps, values, now: values[at] },
  ];
  if (name === "progress") {
    return [
      { series: curve(say("loss"), 0, loss), format: plain },
      { series: curve(title || say("target"), 1, probability), format: percent, range: [0, 1] },
    ];
  }
  if (name === "top") {
    const series = columns.leaders().flatMap((leader, look) => curve(leader.name, look, leader.values));
    return [{ series, format: percent, range: [0, 1] }];
  }
  const rule = radius === null ? undefined : { value: radius, name: "ε" };
  return [{ series: curve(say("distance"), 0, distance), format: plain, rule }];
}
