/** Tools for the run that is shown: save it, copy its code, use it as input, compare it. As `results.py`. */
import { element, icon } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { archive } from "../files/archive";
import { pythonCode } from "../files/code";
import { gif } from "../files/gif";
import { png } from "../files/png";
import { sheet, sideBySide } from "../files/together";
import type { Manifest } from "../manifest";
import { tiled } from "../runs/playback";
import { hasOutlines, missing, toSvg } from "../painting/drawing";
import type { Raster } from "../painting/raster";
import type { Runner } from "../runs/runner";
import type { Trace } from "../runs/trace";
import { distinctLabels, openComparison } from "./compareDialog";
import { openDialog } from "./dialog";
import { InputError } from "./problems";
import type { StatusLine } from "./statusLine";

const ARROW = "M13 8H3.5M7 4 3 8l4 4";
const MOST_RUNS = 64;
const FORMATS = ["png", "gif", "rwtrace"] as const;
type Format = (typeof FORMATS)[number];
const MIME: Record<Format, string> = {
  png: "image/png",
  gif: "image/gif",
  rwtrace: "application/vnd.robust-widgets.run+zip",
};

export class Results {
  readonly root = element("div", "rs-results", { role: "group", "aria-label": say("The run that is shown") });
  private readonly which = element("select", "rs-select rs-which", { "aria-label": say("Which picture") });
  private readonly compare: HTMLButtonElement;
  private readonly needRun: HTMLButtonElement[];
  private readonly saveAll: HTMLButtonElement[];

  /** @param use takes a picture of the run as the next input
   * @param raster what is on the canvas */
  constructor(
    private readonly runner: Runner,
    private readonly manifest: Manifest,
    private readonly status: StatusLine,
    use: (trace: Trace, step: number | null, index: number) => void,
    private readonly raster: () => Raster,
  ) {
    const hints: Record<Format, string> = {
      png: say("Save the picture that is shown"),
      gif: say("Save all steps as an animation"),
      rwtrace: say("Save the whole run, for Python and JupyterLab"),
    };
    const labels: Record<Format, string> = { png: say("Picture"), gif: say("Animation"), rwtrace: say("Whole run") };
    const saves = FORMATS.map((format) => this.button(labels[format], hints[format], () => this.save(format)));
    const code = this.button(say("Copy code"), say("Copy the Python code that makes this run"), () => this.copyCode());
    const input = this.button(
      say("Use as input"),
      say("Put the picture that is shown on the canvas, under an empty sketch"),
      () => use(this.trace(), runner.shownStep, this.which.selectedIndex),
    );
    input.prepend(icon(ARROW));
    this.compare = this.button(say("Compare"), say("Show runs side by side"), () =>
      openComparison(runner.traces, runner.shownTrace),
    );
    this.needRun = [...saves, code, input];
    const saving = element("div", "rs-save", { role: "group", "aria-label": say("Save") });
    const drawing = this.button(say("Drawing"), say("Save the strokes on the sketch as SVG, to be enlarged"), () =>
      this.saveDrawing(),
    );
    saving.append(element("span", "rs-label", {}, say("Save")), ...saves, drawing);
    const all = element("div", "rs-save", { role: "group", "aria-label": say("Save all runs") });
    this.saveAll = [
      this.button(say("Sheet"), say("Save the last pictures of all runs as a sheet"), () => this.saveRuns("png")),
      this.button(say("Side by side"), say("Save all runs side by side as an animation"), () => this.saveRuns("gif")),
    ];
    all.append(element("span", "rs-label", {}, say("All runs")), ...this.saveAll);
    this.root.append(element("div", "rs-row", {}, input, this.which, this.compare, code), saving, all);
    this.refresh();
  }

  /** Enables the buttons that have something to do. */
  refresh(): void {
    const trace = this.runner.shownTrace;
    for (const button of this.needRun) button.disabled = !trace?.length;
    for (const button of this.saveAll) button.disabled = !this.runs.length;
    this.compare.disabled = this.runs.length < 2;
    const count = trace?.last?.pictures.count ?? 1;
    this.which.hidden = count < 2;
    if (this.which.options.length === count) return;
    const options = Array.from({ length: count }, (_, index) => element("option", "", {}, String(index + 1)));
    this.which.replaceChildren(...options);
  }

  /** The runs that have a picture; of very many, the newest. */
  private get runs(): Trace[] {
    return this.runner.traces.filter(({ length }) => length > 0).slice(-MOST_RUNS);
  }

  private async saveRuns(format: "png" | "gif"): Promise<void> {
    const { runs } = this;
    const name = `${say("runs")}.${format}`;
    const file = await (format === "png" ? sheet(runs, distinctLabels(runs)) : sideBySide(runs));
    download(new Blob([file], { type: MIME[format] }), name);
    this.status.show(say("Saved as %1, where this browser keeps downloads.", name));
  }

  private saveDrawing(): void {
    const { drawn, side } = this.raster();
    if (!hasOutlines(drawn)) throw new InputError(say("There is no stroke on the sketch to save; paint one first."));
    const name = `${say("drawing")}.svg`;
    download(new Blob([toSvg(drawn, side)], { type: "image/svg+xml" }), name);
    const saved = say("Saved as %1, where this browser keeps downloads.", name);
    this.status.show([saved, missing(drawn)].filter(Boolean).join(" "));
  }

  private trace(): Trace {
    const trace = this.runner.shownTrace;
    if (!trace?.length) throw new InputError(say("There is no run yet; press Run first."));
    return trace;
  }

  private async save(format: Format): Promise<void> {
    const trace = this.trace();
    const name = `${fileName(trace.target || trace.description.task)}.${format}`;
    download(new Blob([await this.fileOf(trace, format)], { type: MIME[format] }), name);
    this.status.show(say("Saved as %1, where this browser keeps downloads.", name));
  }

  private fileOf(trace: Trace, format: Format): Promise<Uint8Array<ArrayBuffer>> {
    if (format === "gif") return gif(trace);
    const frame = trace.frame(this.runner.shownStep);
    return format === "png" && frame ? png(tiled(frame.pictures)) : archive(trace);
  }

  private async copyCode(): Promise<void> {
    const code = await pythonCode(this.trace(), this.manifest.tasks, this.manifest.model);
    if (await copied(code))
      this.status.show(say("Copied; in a notebook with robust-widgets, this code makes the same run."));
    else showText(say("Python code of this run"), code);
  }

  private button(text: string, hint: string, act: () => void | Promise<void>): HTMLButtonElement {
    const button = element("button", "rs-button", { type: "button", title: hint }, text);
    button.addEventListener("click", () => this.status.guard(act));
    return button;
  }
}

/** Puts a text on the clipboard; false if the browser does not allow it. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Shows a text, to be copied by hand. */
export function showText(title: string, text: string): void {
  const area = element("textarea", "rs-text", { readonly: "", rows: "12", "aria-label": title });
  area.value = text;
  openDialog(title, area);
  area.select();
}

/** A file name of these words, which every system allows. */
export function fileName(words: string): string {
  const name = words.normalize("NFC").replace(/[^\p{L}\p{N}\p{M}._-]+/gu, "-");
  return name.replace(/^[-. ]+|[-. ]+$/g, "").slice(0, 100) || "picture";
}

function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  element("a", "", { href: url, download: name }).click();
  // The browser reads it a moment later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
