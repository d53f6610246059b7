/** The view: a run's picture, progress and curves as they arrive; afterwards a player over its steps; all runs. */
import "./watch.css";
import "./chart.css";
import "./view.css";
import type { RenderContext } from "../anywidget";
import { lineOf } from "../line";
import { Acknowledger } from "./acknowledger";
import { Columns } from "./columns";
import { element, finder, keepKeysFromLab, pictureOf, say } from "./dom";
import { Film } from "./film";
import { GRADIENT_CSS } from "./heat";
import { History } from "./history";
import type { Begin, Buffers, EndState, Incoming, LiveFrame, OfRun, Recorded, RunState, ViewLine, ViewModel } from "./messages";
import { Painter } from "./painter";
import { Panel } from "./panel";
import { Transport } from "./transport";
import { duration, percent, plain } from "./words";

const REFRESH_MS = 200;
const SETTLE_MS = 150;
/** What of the model is drawn, again when it changes. */
const SHOWN = ["display_side", "label", "branching", "device"] as const;
const TEMPLATE = `
  <div class="rw-view-frame" tabindex="-1"><canvas class="rw-view-picture" role="img"></canvas>
    <div class="rw-view-hint">The picture appears here</div>
    <span class="rw-view-badge" hidden></span>
    <div class="rw-view-scale" hidden>gradient: weak <i></i> strong</div></div>
  <div class="rw-view-bar" role="progressbar" aria-label="progress" aria-valuemin="0"><div class="rw-view-fill"></div></div>
  <div class="rw-view-status"><b class="rw-view-title"></b><span class="rw-view-line"></span></div>
  <span class="rw-view-announcer" role="status" aria-live="polite"></span>
  <div class="rw-view-tools">
    <button type="button" class="rw-view-text rw-view-start" title="hold to see the start picture (key \\)">Start</button>
    <button type="button" class="rw-view-text rw-view-gradient" aria-pressed="false"
      title="show where the next step pulls, and how strongly">Gradient</button>
    <button type="button" class="rw-view-text rw-view-branch" hidden
      title="start a new run from the step that is shown">Branch from here</button></div>`;

class View {
  private readonly ended = new AbortController();
  private readonly root = element("div", "rw-watch rw-view", { role: "group" });
  private readonly find = finder(this.root);
  private readonly columns = new Columns();
  private readonly painter: Painter;
  private readonly transport: Transport;
  private readonly film: Film;
  private readonly panel: Panel;
  private readonly history: History;
  private readonly acks: Acknowledger;
  private run = -1;
  private blanked = -1;
  private state: RunState = "empty";
  private total = 0;
  private title = "";
  private sentence = "";
  private painted = 0;
  private newest: LiveFrame | null = null;
  private at = -1;
  private startHeld = false;
  private heatOn = false;
  /** One for each step of the columns; empty until the run is recorded. */
  private pictures: Blob[] = [];
  private heats: Blob[] = [];
  private first: Blob | null = null;
  private refreshTimer = 0;
  private settleTimer = 0;

  private readonly model: ViewLine;

  constructor(raw: ViewModel, el: HTMLElement) {
    const { signal } = this.ended;
    const model = (this.model = lineOf(raw, { kind: "hello" }, this.onLine, signal));
    this.root.innerHTML = TEMPLATE;
    this.acks = new Acknowledger((sequence) => model.send({ kind: "ack", sequence }), signal);
    this.painter = new Painter(this.find("canvas", HTMLCanvasElement), () => model.get("display_side"), {
      painted: (job) => this.onPainted(job.step, job.sequence !== null),
      seen: (sequence) => this.acks.seen(sequence),
    });
    this.transport = new Transport((index) => this.scrub(index), signal);
    this.film = new Film((index) => this.transport.go(index), signal);
    this.panel = new Panel((step) => this.scrubTo(step), signal);
    this.history = new History((index) => model.send({ kind: "show", index }), signal);
    this.root.insertBefore(this.film.root, this.find(".rw-view-tools", HTMLElement));
    this.root.insertBefore(this.transport.root, this.find(".rw-view-tools", HTMLElement));
    this.root.append(this.panel.root, this.history.root);
    this.find(".rw-view-scale i", HTMLElement).style.background = GRADIENT_CSS;
    el.append(this.root);
    this.listen(signal);
    this.write();
    model.send({ kind: "hello" });
  }

  readonly close = (): void => {
    this.ended.abort();
    this.painter.forget();
    clearTimeout(this.refreshTimer);
    clearTimeout(this.settleTimer);
    for (const name of SHOWN) this.model.off(`change:${name}`, this.redraw);
    this.model.off("msg:custom", this.receive);
    this.root.remove();
  };

  private listen(signal: AbortSignal): void {
    const gradient = this.find(".rw-view-gradient", HTMLButtonElement);
    const start = this.find(".rw-view-start", HTMLButtonElement);
    gradient.addEventListener("click", () => this.switchHeat(!this.heatOn), { signal });
    const branch = () => this.model.send({ kind: "branch", step: this.columns.steps[this.at] ?? 0 });
    this.find(".rw-view-branch", HTMLButtonElement).addEventListener("click", branch, { signal });
    start.addEventListener("pointerdown", () => this.hold(true), { signal });
    for (const name of ["pointerup", "pointercancel", "blur"]) {
      window.addEventListener(name, () => this.hold(false), { signal });
    }
    this.root.addEventListener("keydown", this.transport.keydown, { signal });
    const holds = ({ key, target }: KeyboardEvent) => key === "\\" || (target === start && (key === " " || key === "Enter"));
    this.root.addEventListener("keydown", (event) => holds(event) && this.hold(true), { signal });
    window.addEventListener("keyup", () => this.hold(false), { signal });
    window.addEventListener("resize", this.redraw, { signal });
    keepKeysFromLab(this.root, signal);
    for (const name of SHOWN) this.model.on(`change:${name}`, this.redraw);
    this.model.on("msg:custom", this.receive);
  }

  private readonly redraw = (): void => {
    this.painter.again();
    this.write();
  };

  private get recorded(): boolean {
    return this.pictures.length > 0;
  }

  // ---- what is shown

  private onPainted(step: number, live: boolean): void {
    if (live) this.painted++;
    this.root.dataset["painted"] = String(this.painted);
    this.root.dataset["step"] = String(step);
    const hint = this.find(".rw-view-hint", HTMLElement);
    if (!hint.hidden) hint.hidden = true;
    if (live) this.refresh();
  }

  /** While a run goes on, words and curves follow at most five times a second. */
  private refresh(): void {
    this.refreshTimer ||= window.setTimeout(() => this.write(), REFRESH_MS);
  }

  private write(): void {
    clearTimeout(this.refreshTimer);
    this.refreshTimer = 0;
    const { columns, root, state } = this;
    const ready = this.recorded;
    if (!ready) this.at = columns.length - 1;
    const step = columns.steps[this.at] ?? 0;
    const reached = state === "running" ? (this.painter.shown?.step ?? 0) : columns.lastStep;
    // JupyterLab's status bar reads the rate and the device.
    const rate = state === "running" && this.newest?.rate ? rateOf(this.newest.rate) : "";
    const device = this.model.get("device");
    const marks = { state, run: String(this.run), recorded: String(ready), heat: String(this.heatOn), rate, device };
    for (const [name, value] of Object.entries(marks)) if (root.dataset[name] !== value) root.dataset[name] = value;
    root.setAttribute("aria-label", this.model.get("label"));
    root.style.setProperty("--rw-side", `${this.model.get("display_side")}px`);
    const label = [this.model.get("label"), this.title].filter(Boolean).join(": ");
    this.find("canvas", HTMLCanvasElement).setAttribute("aria-label", label);
    say(this.find(".rw-view-title", HTMLElement), this.title);
    const line = state === "running" ? this.runningLine() : this.sentence;
    say(this.find(".rw-view-line", HTMLElement), line);
    const share = state === "done" ? 1 : Math.min(1, reached / (this.total || 1));
    this.find(".rw-view-fill", HTMLElement).style.transform = `scaleX(${share})`;
    const values = { max: this.total, now: Math.min(this.total, reached), text: line || "nothing has run yet" };
    const bar = this.find(".rw-view-bar", HTMLElement);
    for (const [name, value] of Object.entries(values)) bar.setAttribute(`aria-value${name}`, String(value));
    const words = `step ${step} of ${columns.lastStep}, loss ${plain(columns.loss[this.at])}, probability ${percent(columns.probability[this.at])}`;
    const short = ready ? `${step} / ${columns.lastStep}` : "";
    this.transport.show(Math.max(0, this.at), ready ? columns.length : 0, short, ready ? words : "nothing recorded yet");
    this.film.mark(this.at);
    this.writeTools(ready);
    this.panel.draw(columns, this.at, Math.max(columns.lastStep, ready ? 0 : this.total), this.title);
  }

  private writeTools(ready: boolean): void {
    const gradient = this.find(".rw-view-gradient", HTMLButtonElement);
    const branch = this.find(".rw-view-branch", HTMLButtonElement);
    gradient.setAttribute("aria-pressed", String(this.heatOn));
    gradient.disabled = this.state === "empty";
    this.find(".rw-view-start", HTMLButtonElement).disabled = !this.first;
    branch.hidden = !this.model.get("branching");
    branch.disabled = !ready;
    const [badge, scale] = [this.find(".rw-view-badge", HTMLElement), this.find(".rw-view-scale", HTMLElement)];
    const [step, heatStep] = [this.columns.steps[this.at], this.columns.steps[this.heatAt()]];
    const behind = ready && this.heatOn && step !== heatStep && heatStep !== undefined;
    say(badge, this.startHeld ? "start" : behind ? `gradient of step ${heatStep}` : "");
    badge.hidden = !badge.textContent;
    scale.hidden = !this.heatOn || this.startHeld || (ready && this.heatAt() < 0);
  }

  private runningLine(): string {
    if (!this.newest) return "starting";
    const { step, rate, left } = this.newest;
    const parts = [`step ${this.painter.shown?.step ?? step} of ${this.total}`];
    if (rate !== null) parts.push(`${rateOf(rate)} steps/s`);
    if (left !== null) parts.push(`${duration(left)} left`);
    return parts.join(" · ");
  }

  // ---- the start, and the gradient

  private hold(held: boolean): void {
    if (held === this.startHeld || (held && !this.first)) return;
    this.startHeld = held;
    if (this.recorded) this.showRecorded(this.at);
    else if (held && this.first) void this.painter.paint({ blob: this.first, step: 0, sequence: null });
    this.write();
  }

  private switchHeat(on: boolean): void {
    this.heatOn = on;
    this.model.send({ kind: "heat", on });
    if (this.recorded) this.showRecorded(this.at);
    else this.write();
  }

  /** Where the gradient's size shown with this step is: no step follows the last one, so it has that before it. */
  private heatAt(): number {
    let at = this.at;
    while (at >= 0 && !this.heats[at]?.size) at--;
    return at;
  }

  // ---- scrubbing

  private showRecorded(index: number): void {
    this.at = Math.min(this.columns.length - 1, Math.max(0, index));
    const start = this.startHeld ? this.first : null;
    const blob = start ?? this.pictures[this.at];
    const heat = this.heatOn && !start ? this.heats[this.heatAt()] : undefined;
    if (blob) void this.painter.paint({ blob, step: start ? 0 : (this.columns.steps[this.at] ?? 0), sequence: null, heat });
    this.write();
  }

  private scrub(index: number): void {
    if (!this.recorded) return;
    this.showRecorded(index);
    clearTimeout(this.settleTimer);
    const step = this.columns.steps[this.at] ?? 0;
    this.settleTimer = window.setTimeout(() => this.model.send({ kind: "step", step }), SETTLE_MS);
  }

  private scrubTo(step: number): void {
    if (this.recorded) this.transport.go(this.columns.nearest(step));
  }

  // ---- messages

  /** Forget the run that was shown; its picture stays until the next one is painted. */
  private reset(next: RunState): void {
    this.state = next;
    this.painter.forget();
    this.acks.forget();
    clearTimeout(this.settleTimer);
    this.transport.pause();
    this.film.forget();
    this.columns.clear();
    this.newest = this.first = null;
    this.total = this.painted = 0;
    this.pictures = [];
    this.heats = [];
    this.title = this.sentence = "";
    this.startHeld = false;
    this.root.dataset["painted"] = "0";
    delete this.root.dataset["step"];
  }

  private finish(how: EndState, message = ""): void {
    const { total, columns } = this;
    const usual = { done: `done: ${total} steps`, stopped: `stopped at step ${columns.lastStep}`, failed: "the run failed" };
    this.state = how;
    this.painter.smooth = true;
    // What is left on the canvas is another run's.
    if (!columns.length) this.painter.blank();
    this.sentence = message || this.sentence || usual[how];
    this.announce([this.title, this.sentence].filter(Boolean).join(": "));
  }

  private announce(words: string): void {
    say(this.find(".rw-view-announcer", HTMLElement), words);
  }

  private receiveBegin(message: Begin, fresh: boolean): void {
    if (this.state !== "running") return;
    this.total = message.steps;
    this.title = message.title;
    this.painter.smooth = false;
    if (!fresh) return;
    this.columns.clear(message.classes, message.radius);
    if (message.curves) this.columns.take(message.curves);
    this.announce(`running: ${this.title || "a new run"}`);
  }

  private receiveFrame(frame: LiveFrame, [picture, heat]: Buffers): void {
    if (!picture) return;
    if (this.recorded) return this.acks.seen(frame.sequence);
    this.newest = frame;
    this.total = Math.max(this.total, frame.step);
    this.columns.add(frame);
    const blob = pictureOf(picture);
    if (frame.step === 0) this.first = blob;
    const shownHeat = this.heatOn && heat?.byteLength ? pictureOf(heat) : undefined;
    if (this.startHeld) this.acks.seen(frame.sequence);
    else void this.painter.paint({ blob, step: frame.step, sequence: frame.sequence, heat: shownHeat });
    this.refresh();
  }

  private receiveRecord({ curves, title, state }: Recorded, buffers: Buffers, again: boolean): void {
    this.title = title;
    this.columns.take(curves);
    this.pictures = buffers.map(pictureOf);
    this.first = this.pictures[0] ?? null;
    this.total = Math.max(this.total, this.columns.lastStep);
    this.film.fill(this.pictures, this.columns.steps);
    this.finish(state);
    this.showRecorded(again ? this.at : this.columns.length - 1);
  }

  private readonly receive = (message: Incoming, buffers: Buffers): void => {
    if (message.kind === "history") return this.history.receive(message, buffers);
    if (message.kind === "blank") return this.receiveBlank();
    // The kernel's answers before this one have let ipywidgets send what it held back, so this comes after it.
    if (message.kind === "settle") return void this.model.send({ kind: "settled", press: message.press });
    // Where the page may not write to the clipboard, the text stands on the page to be copied by hand.
    if (message.kind === "copy") return void navigator.clipboard?.writeText(message.text).catch(() => {});
    // Older than the newest run, or the rest of a run that was blanked.
    const restarts = message.kind === "begin" || message.kind === "record";
    if (message.run < this.run || (message.run === this.blanked && !restarts)) return;
    const fresh = message.run > this.run || this.state === "empty";
    const again = !fresh && this.recorded;
    if (fresh) this.reset("running");
    this.run = message.run;
    this.blanked = -1;
    this.receiveOfRun(message, buffers, fresh, again);
  };

  private receiveOfRun(message: OfRun, buffers: Buffers, fresh: boolean, again: boolean): void {
    switch (message.kind) {
      case "frame":
        return this.receiveFrame(message, buffers);
      case "record":
        return this.receiveRecord(message, buffers, again);
      case "heat":
        this.heats = buffers.map(pictureOf);
        return this.recorded ? this.showRecorded(this.at) : undefined;
      case "end":
        this.finish(message.state, message.message);
        break;
      case "begin":
        this.receiveBegin(message, fresh);
    }
    this.write();
  }

  /** The kernel is gone, and with it a run that was going on. */
  private readonly onLine = (gone: boolean): void => {
    if (!gone || this.state !== "running") return;
    this.finish("failed", "the kernel ended");
    this.write();
  };

  private receiveBlank(): void {
    this.blanked = this.run;
    this.reset("empty");
    this.painter.blank();
    this.find(".rw-view-hint", HTMLElement).hidden = false;
    this.announce("");
    this.write();
  }
}

const rateOf = (rate: number) => rate.toFixed(rate < 10 ? 1 : 0);

const render = ({ model, el }: RenderContext<ViewModel>): (() => void) => new View(model, el).close;

export default { render };
