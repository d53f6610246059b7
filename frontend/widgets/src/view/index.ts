/** The view: a run's picture, progress and curves as they arrive, then a player of its steps; and all runs. */
import { Acknowledger } from "@robust-widgets/shared/acknowledger";
import "@robust-widgets/shared/chart.css";
import { Columns } from "@robust-widgets/shared/columns";
import { connect, type Kernel } from "@robust-widgets/shared/connection";
import { pictureBlob, suppressLabShortcuts } from "@robust-widgets/shared/dom";
import { FrameRenderer } from "@robust-widgets/shared/frames";
import type { Buffers, RenderContext } from "@robust-widgets/shared/model";
import { duration, percent, plain, stepRate } from "@robust-widgets/shared/numbers";
import { say } from "@robust-widgets/shared/translation";
import { Transport } from "@robust-widgets/shared/transport";
import "@robust-widgets/shared/keepsake.css";
import "@robust-widgets/shared/tokens.css";
import "@robust-widgets/shared/watch.css";
import { pageWords } from "@robust-widgets/shared/words";
import { CurvePanel } from "./curvePanel";
import { Display } from "./display";
import { FilmStrip } from "./filmStrip";
import { History } from "./history";
import type {
  Begin,
  EndState,
  Incoming,
  LiveFrame,
  Recorded,
  RunMessage,
  RunState,
  ViewConnection,
  ViewModel,
} from "./messages";
import "./view.css";

const REFRESH_MS = 200;
const DEBOUNCE_MS = 150;
/** Traits that are displayed. */
const WATCHED = ["display_side", "label", "branching", "device"] as const;

class View {
  private readonly closed = new AbortController();
  private readonly model: ViewConnection;
  private readonly display = new Display();
  private readonly root = this.display.root;
  private readonly columns = new Columns();
  private readonly renderer: FrameRenderer;
  private readonly transport: Transport;
  private readonly filmStrip: FilmStrip;
  private readonly panel: CurvePanel;
  private readonly history: History;
  private readonly acknowledger: Acknowledger;
  private run = -1;
  private blankedRun = -1;
  private state: RunState = "empty";
  private total = 0;
  private title = "";
  private outcome = "";
  private paintedCount = 0;
  private newest: LiveFrame | null = null;
  private at = -1;
  private isStartShown = false;
  private isHeatOn = false;
  /** One for each of the columns' steps; empty until the run is recorded. */
  private pictures: Blob[] = [];
  private heats: Blob[] = [];
  private start: Blob | null = null;
  private refreshTimer = 0;
  private stepTimer = 0;

  constructor(raw: ViewModel, el: HTMLElement) {
    const { signal } = this.closed;
    const model = (this.model = connect(raw, el, { kind: "hello" }, this.onConnectionChange, signal));
    this.acknowledger = new Acknowledger((sequence) => model.send({ kind: "ack", sequence }), signal);
    this.renderer = new FrameRenderer(this.display.canvas, () => model.get("display_side"), {
      painted: ({ step, sequence }) => this.onPainted(step, sequence !== null),
      seen: (sequence) => this.acknowledger.seen(sequence),
    });
    this.transport = new Transport((index) => this.scrub(index), signal, pageWords());
    this.filmStrip = new FilmStrip((index) => this.transport.go(index), signal);
    this.panel = new CurvePanel((step) => this.scrubTo(step), signal);
    this.history = new History((index) => model.send({ kind: "show", index }), signal);
    this.display.tools.before(this.filmStrip.root, this.transport.root);
    this.root.append(this.panel.root, this.history.root);
    el.append(this.root);
    this.listen(signal);
    this.update();
    model.send({ kind: "hello" });
  }

  readonly close = (): void => {
    this.closed.abort();
    this.renderer.forget();
    clearTimeout(this.refreshTimer);
    clearTimeout(this.stepTimer);
    for (const name of WATCHED) this.model.off(`change:${name}`, this.redraw);
    this.model.off("msg:custom", this.receive);
    this.root.remove();
  };

  private listen(signal: AbortSignal): void {
    const { start, gradient, branch } = this.display;
    gradient.addEventListener("click", () => this.setHeat(!this.isHeatOn), { signal });
    const sendBranch = () => this.model.send({ kind: "branch", step: this.columns.steps[this.at] ?? 0 });
    branch.addEventListener("click", sendBranch, { signal });
    start.addEventListener("pointerdown", () => this.showStart(true), { signal });
    for (const name of ["pointerup", "pointercancel", "blur", "keyup"]) {
      window.addEventListener(name, () => this.showStart(false), { signal });
    }
    this.root.addEventListener("keydown", this.transport.keydown, { signal });
    const holdStart = ({ key, target }: KeyboardEvent) => {
      if (key === "\\" || (target === start && (key === " " || key === "Enter"))) this.showStart(true);
    };
    this.root.addEventListener("keydown", holdStart, { signal });
    window.addEventListener("resize", this.redraw, { signal });
    suppressLabShortcuts(this.root, signal);
    for (const name of WATCHED) this.model.on(`change:${name}`, this.redraw);
    this.model.on("msg:custom", this.receive);
  }

  private readonly redraw = (): void => {
    this.renderer.repaint();
    this.update();
  };

  private get isRecorded(): boolean {
    return this.pictures.length > 0;
  }

  // ---- display

  private onPainted(step: number, isLive: boolean): void {
    if (isLive) this.paintedCount++;
    this.root.dataset["painted"] = String(this.paintedCount);
    this.root.dataset["step"] = String(step);
    this.display.setHint(false);
    if (isLive) this.refresh();
  }

  /** Updates text and curves soon; during a run at most five times a second. */
  private refresh(): void {
    this.refreshTimer ||= window.setTimeout(() => this.update(), REFRESH_MS);
  }

  private update(): void {
    clearTimeout(this.refreshTimer);
    this.refreshTimer = 0;
    const { columns, isRecorded, model } = this;
    if (!isRecorded) this.at = columns.length - 1;
    const isRunning = this.state === "running";
    const rate = this.newest?.rate;
    this.display.update({
      state: this.state,
      run: this.run,
      label: model.get("label"),
      title: this.title,
      line: isRunning ? this.runningLine() : this.outcome,
      total: this.total,
      reached: isRunning ? (this.renderer.shown?.step ?? 0) : columns.lastStep,
      rate: isRunning && rate ? stepRate(rate) : "",
      device: model.get("device"),
      displaySide: model.get("display_side"),
      hasStart: this.start !== null,
      isStartShown: this.isStartShown,
      isRecorded,
      isHeatOn: this.isHeatOn,
      canBranch: model.get("branching"),
      step: columns.steps[this.at],
      heatStep: columns.steps[this.heatIndex()],
    });
    this.updateTransport();
    this.filmStrip.mark(this.at);
    this.panel.draw(columns, this.at, Math.max(columns.lastStep, isRecorded ? 0 : this.total), this.title);
  }

  private updateTransport(): void {
    const { columns, at } = this;
    if (!this.isRecorded) {
      this.transport.show(Math.max(0, at), 0, "", say("nothing recorded yet"));
      return;
    }
    const step = columns.steps[at] ?? 0;
    const values = say("loss %1, probability %2", plain(columns.loss[at]), percent(columns.probability[at]));
    const text = `${say("step %1 of %2", step, columns.lastStep)}, ${values}`;
    this.transport.show(Math.max(0, at), columns.length, `${step} / ${columns.lastStep}`, text);
  }

  private runningLine(): string {
    if (!this.newest) return say("starting");
    const { step, rate, left } = this.newest;
    const parts = [say("step %1 of %2", this.renderer.shown?.step ?? step, this.total)];
    if (rate !== null) parts.push(say("%1 steps/s", stepRate(rate)));
    if (left !== null) parts.push(say("%1 left", duration(left)));
    return parts.join(" · ");
  }

  // ---- the start picture and the gradient

  private showStart(isShown: boolean): void {
    if (isShown === this.isStartShown || (isShown && !this.start)) return;
    this.isStartShown = isShown;
    if (this.isRecorded) this.showRecorded(this.at);
    else if (isShown && this.start) void this.renderer.paint({ blob: this.start, step: 0, sequence: null });
    this.update();
  }

  private setHeat(isOn: boolean): void {
    this.isHeatOn = isOn;
    this.model.send({ kind: "heat", on: isOn });
    if (this.isRecorded) this.showRecorded(this.at);
    else this.update();
  }

  /** Index of the gradient shown with this step. The last step has no gradient and shows that of the step before. */
  private heatIndex(): number {
    let at = this.at;
    while (at >= 0 && !this.heats[at]?.size) at--;
    return at;
  }

  // ---- scrubbing

  private showRecorded(index: number): void {
    this.at = Math.min(this.columns.length - 1, Math.max(0, index));
    const start = this.isStartShown ? this.start : null;
    const blob = start ?? this.pictures[this.at];
    const heat = this.isHeatOn && !start ? this.heats[this.heatIndex()] : undefined;
    const step = start ? 0 : (this.columns.steps[this.at] ?? 0);
    if (blob) void this.renderer.paint({ blob, step, sequence: null, heat });
    this.update();
  }

  /** Shows a step, and tells the kernel once the user stays there. */
  private scrub(index: number): void {
    if (!this.isRecorded) return;
    this.showRecorded(index);
    clearTimeout(this.stepTimer);
    const step = this.columns.steps[this.at] ?? 0;
    this.stepTimer = window.setTimeout(() => this.model.send({ kind: "step", step }), DEBOUNCE_MS);
  }

  private scrubTo(step: number): void {
    if (this.isRecorded) this.transport.go(this.columns.nearest(step));
  }

  // ---- messages

  /** Forgets the run. Its picture stays until the next one is painted. */
  private reset(state: RunState): void {
    this.state = state;
    this.renderer.forget();
    this.acknowledger.forget();
    clearTimeout(this.stepTimer);
    this.transport.pause();
    this.filmStrip.clear();
    this.columns.clear();
    this.newest = this.start = null;
    this.total = this.paintedCount = 0;
    this.pictures = [];
    this.heats = [];
    this.title = this.outcome = "";
    this.isStartShown = false;
    this.root.dataset["painted"] = "0";
    delete this.root.dataset["step"];
  }

  private finish(state: EndState, message = ""): void {
    const { total, columns } = this;
    const outcomes = {
      done: say("done: %1 steps", total),
      stopped: say("stopped at step %1", columns.lastStep),
      failed: say("the run failed"),
    };
    this.state = state;
    this.renderer.isSmooth = true;
    // Without a frame of this run the canvas still shows the run before.
    if (!columns.length) this.renderer.blank();
    this.outcome = message || this.outcome || outcomes[state];
    this.display.announce([this.title, this.outcome].filter(Boolean).join(": "));
  }

  private receiveBegin(message: Begin, isNew: boolean): void {
    if (this.state !== "running") return;
    this.total = message.steps;
    this.title = message.title;
    this.renderer.isSmooth = false;
    if (!isNew) return;
    this.columns.clear(message.classes, message.radius);
    if (message.curves) this.columns.take(message.curves);
    this.display.announce(say("running: %1", this.title || say("a new run")));
  }

  private receiveFrame(frame: LiveFrame, [picture, heat]: Buffers): void {
    if (!picture) return;
    if (this.isRecorded) {
      this.acknowledger.seen(frame.sequence);
      return;
    }
    this.newest = frame;
    this.total = Math.max(this.total, frame.step);
    this.columns.add(frame);
    const blob = pictureBlob(picture);
    if (frame.step === 0) this.start = blob;
    const heatBlob = this.isHeatOn && heat?.byteLength ? pictureBlob(heat) : undefined;
    if (this.isStartShown) this.acknowledger.seen(frame.sequence);
    else void this.renderer.paint({ blob, step: frame.step, sequence: frame.sequence, heat: heatBlob });
    this.refresh();
  }

  private receiveRecord({ curves, title, state }: Recorded, buffers: Buffers, isAgain: boolean): void {
    this.title = title;
    this.columns.take(curves);
    this.pictures = buffers.map(pictureBlob);
    this.start = this.pictures[0] ?? null;
    this.total = Math.max(this.total, this.columns.lastStep);
    this.filmStrip.fill(this.pictures, this.columns.steps);
    this.finish(state);
    this.showRecorded(isAgain ? this.at : this.columns.length - 1);
  }

  private receiveHeats(buffers: Buffers): void {
    this.heats = buffers.map(pictureBlob);
    if (this.isRecorded) this.showRecorded(this.at);
  }

  private readonly receive = (message: Incoming, buffers: Buffers): void => {
    switch (message.kind) {
      case "history":
        this.history.receive(message, buffers);
        break;
      case "blank":
        this.receiveBlank();
        break;
      case "flush":
        // ipywidgets has sent its debounced values by now, so this answer arrives after them.
        this.model.send({ kind: "flushed", press: message.press });
        break;
      case "copy":
        // A page that may not write to the clipboard shows the text, to be copied by hand.
        void copyText(message.text);
        break;
      default:
        this.receiveOfRun(message, buffers);
    }
  };

  private receiveOfRun(message: RunMessage, buffers: Buffers): void {
    // Drop messages of older runs, and the rest of a run that was blanked.
    const restarts = message.kind === "begin" || message.kind === "record";
    if (message.run < this.run || (message.run === this.blankedRun && !restarts)) return;
    const isNew = message.run > this.run || this.state === "empty";
    const isAgain = !isNew && this.isRecorded;
    if (isNew) this.reset("running");
    this.run = message.run;
    this.blankedRun = -1;
    if (message.kind === "frame") this.receiveFrame(message, buffers);
    else if (message.kind === "record") this.receiveRecord(message, buffers, isAgain);
    else if (message.kind === "heat") this.receiveHeats(buffers);
    else {
      if (message.kind === "end") this.finish(message.state, message.message);
      else this.receiveBegin(message, isNew);
      this.update();
    }
  }

  /** A lost kernel takes its run with it; those that the notebook keeps are shown below. */
  private readonly onConnectionChange = (kernel: Kernel): void => {
    this.root.classList.toggle("rw-live", kernel === "running");
    if (kernel === "running" || this.state !== "running") return;
    this.finish("failed", "the kernel ended");
    this.update();
  };

  private receiveBlank(): void {
    this.blankedRun = this.run;
    this.reset("empty");
    this.renderer.blank();
    this.display.setHint(true);
    this.display.announce("");
    this.update();
  }
}

async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not allowed, or not a secure context.
  }
}

const render = ({ model, el }: RenderContext<ViewModel>): (() => void) => new View(model, el).close;

export default { render };
