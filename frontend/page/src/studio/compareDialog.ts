/** Recorded runs side by side, scrubbed together. As `compare.py`. */
import { element, pictureBlob, setLabel } from "@robust-widgets/shared/dom";
import type { Curves } from "@robust-widgets/shared/curves";
import { say } from "@robust-widgets/shared/translation";
import compare from "@robust-widgets/widgets/compare";
import { curvesOf, evenly, pictureFile, thumbnailFile } from "../runs/playback";
import type { Trace } from "../runs/trace";
import { LocalModel } from "../widgets/localModel";
import { openDialog } from "./dialog";

const MOST_FRAMES = 240;
const MOST_RUNS = 4;
const SIDE = 224;
const NAMED = ["epsilon", "seed", "steps", "step_size", "size", "constraint"] as const;

interface RunMessage {
  kind: "run";
  index: number;
  count: number;
  label: string;
  curves: Curves;
}

/** Opens the comparison, first of the run that is shown and of the one before it. */
export function openComparison(traces: readonly Trace[], shown: Trace | null): void {
  const all = traces.filter(({ length }) => length > 0);
  const first = shown && all.includes(shown) ? shown : all.at(-1);
  const other = all.filter((trace) => trace !== first).at(-1);
  const chosen = new Set(all.filter((trace) => trace === first || trace === other));
  const host = element("div", "rs-compare");
  const chooser = element("div", "rs-compare-chooser", { role: "group", "aria-label": say("Runs to compare") });
  let unmount: () => void = () => undefined;
  const urls: string[] = [];
  const update = () => {
    unmount();
    unmount = render(
      all.filter((trace) => chosen.has(trace)),
      host,
    );
    buttons.forEach((button, index) => {
      const trace = all[index];
      const isChosen = trace !== undefined && chosen.has(trace);
      button.setAttribute("aria-pressed", String(isChosen));
      button.disabled = isChosen ? chosen.size <= 2 : chosen.size >= MOST_RUNS;
    });
  };
  const buttons = all.map((trace, index) => {
    const url = URL.createObjectURL(pictureBlob(new DataView(thumbnailFile(trace).buffer)));
    urls.push(url);
    const button = element(
      "button",
      "rs-compare-choice",
      { type: "button" },
      element("img", "", { src: url, alt: "" }),
    );
    setLabel(button, say("run %1: %2", index + 1, trace.target));
    button.addEventListener("click", () => {
      if (!chosen.delete(trace)) chosen.add(trace);
      update();
    });
    return button;
  });
  chooser.append(...buttons);
  chooser.hidden = all.length < 3;
  openDialog(say("Compare runs"), element("div", "rs-compare-box", {}, chooser, host), () => {
    unmount();
    for (const url of urls) URL.revokeObjectURL(url);
  });
  update();
}

function render(traces: readonly Trace[], host: HTMLElement): () => void {
  const labels = distinctLabels(traces);
  const model = new LocalModel<{ display_side: number }, RunMessage, { kind: "hello" }>({ display_side: SIDE });
  model.receive = () =>
    traces.forEach((trace, index) => {
      const steps = evenly(trace.length, MOST_FRAMES);
      const pictures = steps.flatMap((step) => trace.frames[step] ?? []).map(pictureFile);
      const label = labels[index] ?? "";
      model.post({ kind: "run", index, count: traces.length, label, curves: curvesOf(trace, steps) }, pictures);
    });
  return compare.render({ model, el: host });
}

/** A label for each run, made of what distinguishes them. */
export function distinctLabels(traces: readonly Trace[]): string[] {
  const words: string[][] = traces.map(() => []);
  const isDistinct = (values: readonly string[]) => new Set(values).size > 1;
  const targets = traces.map(({ target }) => target);
  if (isDistinct(targets) || targets[0]) targets.forEach((target, index) => words[index]?.push(target));
  const tasks = traces.map(({ description }) => say(description.task.replaceAll("_", " ")));
  if (isDistinct(tasks)) tasks.forEach((task, index) => words[index]?.push(task));
  for (const name of NAMED) {
    const values = traces.map(({ parameters }) => String(parameters[name] ?? say("none")));
    if (!isDistinct(values)) continue;
    values.forEach((value, index) => words[index]?.push(`${say(name.replaceAll("_", " "))} ${value}`));
  }
  const labels = words.map((parts) => parts.filter(Boolean).join(", "));
  return labels.map((label, index) => {
    const isUnique = label !== "" && labels.filter((other) => other === label).length === 1;
    return isUnique ? label : `${label || say("run")} (${index + 1})`;
  });
}
