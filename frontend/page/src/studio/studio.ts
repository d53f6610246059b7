/** The studio: choose a task, paint, choose a class, run, watch, and use the result as the next input. As `studio.py`. */
import { element } from "@robust-widgets/shared/dom";
import { percent } from "@robust-widgets/shared/numbers";
import type { Pictures, RunEnded, Session } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import { TaskControls } from "../controls/controls";
import { TargetPicker } from "../controls/targetPicker";
import { readArchive } from "../files/reading";
import type { ExampleDeclaration, Manifest, TaskDeclaration } from "../manifest";
import { firstBrush, PaintBox } from "../painting/paintBox";
import { decodeDrawing, decodeSquare, pictureOf, resized } from "../painting/pictures";
import { type Raster, SIDE } from "../painting/raster";
import { Surface } from "../painting/surface";
import { asInput, LiveMode, requestOf } from "../runs/requests";
import { Runner } from "../runs/runner";
import { mean, type Trace } from "../runs/trace";
import { drawnOf, Examples } from "./examples";
import { hashOf, readHash, type Setup } from "./link";
import { InputError } from "./problems";
import { Results } from "./results";
import { RunBar } from "./runBar";
import type { StatusLine } from "./statusLine";
import { TaskChooser } from "./taskChooser";

/** A class below this probability is surely not what the picture shows. */
const SURELY_NOT = 0.02;
/** The address is changed this long after the last change of a setting: browsers limit how often. */
const ADDRESS_MS = 400;
/** Seeds of surprises are below this. */
const MOST_SEEDS = 10_000;

/** Whether a file is named as a saved run. */
export const isRun = ({ name }: File): boolean => /\.rwtrace$/i.test(name);

export class Studio {
  readonly root = element("main", "rs-studio");
  readonly surface: Surface;
  readonly runner: Runner;
  private readonly target: TargetPicker;
  private readonly paintBox: PaintBox;
  private readonly results: Results;
  private readonly bar: RunBar;
  private readonly live: LiveMode;
  private readonly tasks: TaskChooser;
  private readonly examples: Examples;
  private readonly settings = element("section", "rs-card rs-settings", { "aria-label": say("Settings") });
  private readonly controls = new Map<TaskDeclaration, TaskControls>();
  private readonly paint: HTMLElement;
  private task: TaskDeclaration;
  private addressTimer = 0;

  constructor(
    private readonly manifest: Manifest,
    private readonly session: Session,
    private readonly status: StatusLine,
    side = SIDE,
  ) {
    const first = manifest.tasks.find(({ name }) => name === manifest.task) ?? manifest.tasks[0];
    if (!first) throw new InputError(say("This page has no tasks; export it again."));
    this.task = first;
    this.surface = new Surface(status, firstBrush(manifest.brush), side);
    this.paintBox = new PaintBox(this.surface, manifest.brush, (act) => status.guard(act));
    this.paint = element("section", "rs-card rs-paint", { "aria-label": say("Painting") }, this.paintBox.root);
    this.target = new TargetPicker(session.model, manifest.model.units, () => this.changed());
    const result = element("section", "rs-card rs-result", { "aria-label": say("Result") });
    this.runner = new Runner(session, status, this, result);
    const use = (trace: Trace, step: number | null, index: number) => this.use(trace, step, index);
    this.results = new Results(this.runner, manifest, status, use, () => this.surface.raster);
    result.append(this.results.root);
    this.live = new LiveMode(
      () => this.surface.raster,
      () => ({ trace: this.runner.shownTrace, step: this.runner.shownStep }),
      (start) => this.runFrom(start),
    );
    this.bar = new RunBar(this.target.root, {
      run: () => status.guard(() => this.runFrom()),
      stop: () => this.runner.stop(),
      live: (isOn) => (this.live.isOn = isOn),
    });
    this.tasks = new TaskChooser(
      manifest.tasks,
      (task) => this.chooseTask(task),
      manifest.model.missing,
      (reason) => status.show(say(reason)),
    );
    this.examples = new Examples(this.offered(), {
      begin: (example) => status.guard(() => this.begin(example)),
      surprise: () => status.guard(() => this.surprise()),
    });
    this.tasks.root.append(this.target.palette, this.examples.root);
    this.root.append(this.tasks.root, this.paint, this.bar.root, result, this.settings);
    this.surface.onStroke.push(() => status.guard(() => this.live.afterStroke()));
    this.surface.onAction.push((name) => {
      if (name === "run") status.guard(() => this.runFrom());
      else if (name === "stop") this.runner.stop();
    });
    this.surface.onChange.push(() => this.examples.fold());
    this.listenToKeys();
    this.fit(this.paint, (width) => this.surface.resize(width));
    this.fit(result, (width) => this.runner.view.set("display_side", width));
    this.showTask(first);
  }

  /** Does what a link asks for; false if it asks for nothing. */
  follow(hash: string): boolean {
    const isTarget = (task: TaskDeclaration, name: string) =>
      task.target === "feature" ? this.target.hasFeature(name) : this.target.classes.has(name);
    const link = readHash(hash, this.manifest.tasks, isTarget, this.manifest.model.missing);
    if (!link) return false;
    if (link.setup) this.apply(link.setup);
    if (link.problem) this.status.show(link.problem, "warning");
    return true;
  }

  /** The address of this page with all settings. */
  get link(): string {
    const parameters = this.controlsOf(this.task).values();
    return location.href.replace(/#.*/, "") + hashOf({ task: this.task, target: this.target.value, parameters });
  }

  /** Opens a picture, or a saved run. */
  async open(file: File): Promise<void> {
    if (isRun(file)) {
      this.take(await readArchive(new Uint8Array(await file.arrayBuffer()), file.name));
    } else await this.surface.bringPicture(file);
  }

  /** Puts a picture of the page on the canvas. */
  async openPicture(address: string): Promise<void> {
    const response = await fetch(address);
    if (!response.ok) throw new InputError(say("The page's picture could not be loaded; reload the page."));
    this.surface.setPicture(await decodeSquare(await response.blob(), this.surface.raster.side));
  }

  /** Continues with a painting. */
  restore(raster: Raster): void {
    this.surface.restore(raster);
    this.examples.fold();
  }

  // ---- what the runner reports

  running(isRunning: boolean): void {
    this.bar.update(isRunning);
  }

  shown(): void {
    this.results.refresh();
  }

  ended(trace: Trace, event: RunEnded): void {
    this.results.refresh();
    this.examples.fold();
    const task = this.manifest.tasks.find(({ name }) => name === trace.description.task);
    const [first] = trace.frames;
    if (event.state === "failed" || !first || !task?.showsClass) return;
    const probability = mean(first.probability);
    if (!(probability < SURELY_NOT)) return;
    const words = "The model gives %1 a probability of only %2 in this picture; choose a class that the picture shows.";
    this.status.show(say(words, trace.target, percent(probability)), "warning");
  }

  branch(trace: Trace, step: number): void {
    this.runFrom(trace.frame(step)?.pictures);
  }

  // ---- examples

  /** Those whose task is on the page. */
  private offered(): readonly ExampleDeclaration[] {
    const { examples = [] } = this.manifest.model;
    return examples.filter(({ task }) => this.manifest.tasks.some(({ name }) => name === task));
  }

  /** Puts an example on the canvas, chooses its class, and runs. */
  private async begin({ task: name, target, picture }: ExampleDeclaration): Promise<void> {
    const file = await (await fetch(picture)).blob();
    const { side } = this.surface.raster;
    const task = this.manifest.tasks.find((other) => other.name === name);
    if (task) this.chooseTask(task);
    if (name === "sketch_to_image") this.surface.beginWith(await decodeDrawing(file, side));
    else this.surface.flatten(await decodeSquare(file, side));
    if (this.target.classes.has(target)) this.target.classes.value = target;
    this.runFrom();
  }

  /** Generates a class from a seed, both drawn at random; a model without seeds paints one of the examples. */
  private surprise(): void | Promise<void> {
    const generate = this.manifest.tasks.find(({ name }) => name === "generate");
    const example = drawnOf(this.offered());
    if (!generate && example) return this.begin(example);
    const name = drawnOf(this.session.model.classes);
    if (generate) {
      this.chooseTask(generate);
      this.controlsOf(generate).set({ seed: Math.floor(Math.random() * MOST_SEEDS) });
    }
    if (name !== undefined) this.target.classes.value = name;
    this.runFrom();
  }

  // ----

  private runFrom(start?: Pictures): void {
    const parameters = this.controlsOf(this.task).values();
    const request = requestOf(this.task, this.target.value, parameters, this.surface.raster, start);
    this.runner.run(request);
    this.live.runStarted();
  }

  private use(trace: Trace, step: number | null, index: number): void {
    const picture = asInput(trace, step, index, this.surface.raster.side);
    if (!picture) return;
    if (!this.task.takesPicture) {
      const next = this.manifest.tasks.find(({ takesPicture }) => takesPicture);
      if (next) this.chooseTask(next);
    }
    this.surface.flatten(picture);
    this.status.show(say("The picture is on the canvas now; undo brings your sketch back."));
  }

  /** Shows a saved run as if it had been made here. */
  private take(trace: Trace): void {
    this.runner.take(trace);
    const { task: name, target } = trace.description;
    const task = this.manifest.tasks.find((other) => other.name === name);
    if (task) this.apply({ task, target, parameters: { ...trace.parameters } });
    const { picture, mask } = trace.inputs;
    const { raster } = this.surface;
    if (!picture || !raster.isBlank) return;
    this.surface.setPicture(resized({ ...picture, pixels: pictureOf(picture, 0) }, 0, raster.side));
    if (mask?.width === raster.side && mask.height === raster.side) this.surface.setMask(mask.levels);
  }

  private apply({ task, target, parameters }: Setup): void {
    this.chooseTask(task);
    this.controlsOf(task).set(parameters);
    if (task.target === "feature") this.target.featureName = target;
    else if (this.target.classes.has(target)) this.target.classes.value = target;
  }

  private chooseTask(task: TaskDeclaration): void {
    this.showTask(task);
    this.changed();
  }

  private showTask(task: TaskDeclaration): void {
    this.task = task;
    this.root.dataset["task"] = task.name;
    this.tasks.show(task);
    this.target.show(task.target === "feature");
    this.bar.showLive(task.takesPicture);
    this.paint.hidden = !task.takesPicture;
    const controls = this.controlsOf(task);
    const reset = element("button", "rs-button rs-small", { type: "button" }, say("Reset"));
    reset.title = say("Set everything to its default");
    reset.addEventListener("click", () => {
      controls.reset();
      this.changed();
    });
    const head = element("div", "rs-card-head", {}, element("h2", "", {}, say("Settings")), reset);
    this.settings.replaceChildren(head, controls.root);
    this.paintBox.showMaskTools(task.takesMask);
    if (task.takesMask && !this.surface.raster.hasMask) this.surface.setLayer("mask");
  }

  private controlsOf(task: TaskDeclaration): TaskControls {
    let controls = this.controls.get(task);
    if (!controls) {
      controls = new TaskControls(task, () => this.changed());
      this.controls.set(task, controls);
    }
    return controls;
  }

  /** A setting changed: the address of the page carries it, soon. */
  private changed(): void {
    clearTimeout(this.addressTimer);
    this.addressTimer = window.setTimeout(() => {
      try {
        history.replaceState(null, "", this.link);
      } catch (error) {
        if (!(error instanceof InputError)) throw error; // a field holds something that no link may have
      }
    }, ADDRESS_MS);
  }

  private listenToKeys(): void {
    window.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      if (document.querySelector("dialog[open]")) return;
      event.preventDefault();
      this.status.guard(() => this.runFrom());
    });
  }

  /** Calls `resize` with the width that a card has for its content. */
  private fit(card: HTMLElement, resize: (width: number) => void): void {
    new ResizeObserver(() => {
      const { paddingLeft, paddingRight } = getComputedStyle(card);
      const width = Math.floor(card.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight));
      if (width > 0) resize(width);
    }).observe(card);
  }
}
