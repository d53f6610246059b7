/** The runs: submits requests to a session, shows each step, and keeps the history. As `runner.py`. */
import { percent } from "@robust-widgets/shared/numbers";
import type { RunEnded, RunEvent, RunRequest, RunStarted, Session } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import { isPassing } from "../engine/errors";
import { sayProblem } from "../messages/language";
import view from "@robust-widgets/widgets/view";
import type { HistoryEntry, Incoming, Outgoing, State } from "@robust-widgets/widgets/view/messages";
import type { StatusLine } from "../studio/statusLine";
import { LocalModel } from "../widgets/localModel";
import {
  curvesOf,
  distanceUnit,
  evenly,
  finite,
  heatFile,
  leading,
  limitOf,
  pictureFile,
  thumbnailFile,
} from "./playback";
import { mean, Trace } from "./trace";

/** Pictures of a recorded run that the view gets, at most. */
const MOST_RECORDED = 240;

interface Run {
  readonly trace: Trace;
  readonly steps: number;
  /** How it ended; null while it runs. */
  ended: Pick<RunEnded, "state" | "message"> | null;
  /** Its pictures as files, once it has ended. */
  pictures: Uint8Array<ArrayBuffer>[];
  thumbnail: Uint8Array<ArrayBuffer>;
  /** The run and the step that it was branched from. */
  readonly origin?: Origin | undefined;
}

interface Origin {
  readonly trace: Trace;
  readonly step: number;
}

export interface RunnerListener {
  /** Whether a run was submitted and has not ended. */
  running(isRunning: boolean): void;
  /** Another run or step is shown; the step is null for the newest. */
  shown(trace: Trace, step: number | null): void;
  ended(trace: Trace, event: RunEnded): void;
  /** A new run is wanted from a step. */
  branch(trace: Trace, step: number): void;
}

export class Runner {
  readonly view: LocalModel<State, Incoming, Outgoing>;
  /** All runs, oldest first. */
  readonly traces: Trace[] = [];
  shownStep: number | null = null;
  private readonly runs = new Map<Trace, Run>();
  private readonly active = new Map<number, Run>();
  private shownRun: Run | null = null;
  private showing = 0;
  private sequence = 0;
  private unfinished = 0;
  private isHeatOn = false;
  private origin: Origin | undefined;

  constructor(
    private readonly session: Session,
    private readonly status: StatusLine,
    private readonly listener: RunnerListener,
    host: HTMLElement,
  ) {
    this.view = new LocalModel({ display_side: 320, label: say("Result"), branching: true, device: "" });
    this.view.receive = (message) => this.status.guard(() => this.onView(message));
    view.render({ model: this.view, el: host });
  }

  get isRunning(): boolean {
    return this.unfinished > 0;
  }

  get shownTrace(): Trace | null {
    return this.shownRun?.trace ?? null;
  }

  /** Submits a run; a current run is stopped and stays in the history. */
  run(request: RunRequest): void {
    const wasRunning = this.isRunning;
    const { origin } = this;
    this.unfinished++;
    try {
      this.session.submit(request, (event) => this.status.guard(() => this.onEvent(event, request, origin)));
    } catch (error) {
      this.unfinished--;
      throw error;
    }
    this.listener.running(this.isRunning);
    if (this.session.loading) this.status.show(loadingWords());
    else if (wasRunning) this.status.show(say("The run before was stopped; it stays in the history."));
    else this.status.clear();
  }

  stop(): void {
    this.session.cancel();
  }

  /** Shows one of the runs; a current run continues. */
  show(index: number): void {
    const trace = this.traces[index];
    if (!trace) return;
    this.begin(this.runOf(trace));
    this.sendHistory([]);
    this.listener.shown(trace, null);
  }

  /** Shows a run that was made elsewhere, as the newest one. */
  take(trace: Trace): void {
    this.traces.push(trace);
    this.begin(this.runOf(trace));
    this.sendHistory([trace]);
    this.listener.shown(trace, null);
  }

  private onEvent(event: RunEvent, request: RunRequest, origin: Origin | undefined): void {
    if (event.kind === "started") this.start(event, request, origin);
    else if (event.kind === "ended") this.finish(event, request);
    else {
      const run = this.active.get(event.run);
      run?.trace.frames.push(event.frame);
      if (run && run === this.shownRun) this.sendFrame(run);
    }
  }

  private start({ run: number, steps, description }: RunStarted, request: RunRequest, origin?: Origin): void {
    const trace = Trace.of(description, request);
    const run: Run = { trace, steps, ended: null, pictures: [], thumbnail: new Uint8Array(), origin };
    this.runs.set(trace, run);
    this.active.set(number, run);
    this.traces.push(trace);
    this.clearLoading();
    this.begin(run);
    this.sendHistory([trace]);
    this.listener.shown(trace, null);
  }

  private clearLoading(): void {
    if (this.status.text === loadingWords()) this.status.clear();
  }

  private finish(event: RunEnded, request: RunRequest): void {
    this.unfinished--;
    this.clearLoading();
    const run = this.active.get(event.run);
    this.active.delete(event.run);
    if (run) {
      run.ended = { state: event.state, message: event.message && sayProblem(event) };
      run.thumbnail = thumbnailFile(run.trace);
      if (run === this.shownRun) this.sendRecord(run);
      this.sendHistory([run.trace]);
    }
    this.listener.running(this.isRunning);
    if (event.state === "failed") {
      const remedy = isPassing(event.code) ? { label: say("Try again"), act: () => this.run(request) } : null;
      this.status.show(sayProblem(event), "error", event.details, remedy);
    }
    if (run) this.listener.ended(run.trace, event);
  }

  private runOf(trace: Trace): Run {
    let run = this.runs.get(trace);
    if (!run) {
      const steps = Math.max(0, trace.length - 1);
      const ended = { state: "done", message: "" } as const;
      run = { trace, steps, ended, pictures: [], thumbnail: thumbnailFile(trace) };
      this.runs.set(trace, run);
    }
    return run;
  }

  private begin(run: Run): void {
    const { trace, steps } = run;
    this.showing++;
    this.shownRun = run;
    this.shownStep = null;
    const isUnderway = !run.ended && trace.length > 0;
    this.view.post({
      kind: "begin",
      run: this.showing,
      steps,
      title: trace.target,
      classes: [...trace.description.classes],
      radius: limitOf(trace),
      curves: isUnderway ? curvesOf(trace, evenly(trace.length, MOST_RECORDED)) : null,
    });
    if (run.ended) this.sendRecord(run);
    else if (isUnderway) this.sendFrame(run);
  }

  private sendFrame({ trace, steps }: Run): void {
    const frame = trace.last;
    if (!frame) return;
    const rate = frame.step && frame.seconds > 0 ? frame.step / frame.seconds : null;
    const content: Incoming = {
      kind: "frame",
      run: this.showing,
      sequence: ++this.sequence,
      step: frame.step,
      loss: finite(mean(frame.loss)),
      probability: finite(mean(frame.probability)),
      distance: finite(distanceUnit(trace) * mean(frame.distance)),
      top: leading(frame),
      rate,
      left: rate ? (steps - frame.step) / rate : null,
    };
    const heat = this.isHeatOn ? [heatFile(frame)] : [];
    this.view.post(content, [pictureFile(frame), ...heat]);
  }

  private sendRecord(run: Run): void {
    const { trace } = run;
    const { state, message } = run.ended ?? { state: "done", message: "" };
    if (trace.length) {
      const steps = evenly(trace.length, MOST_RECORDED);
      if (run.pictures.length !== steps.length) {
        run.pictures = steps.flatMap((step) => trace.frames[step] ?? []).map(pictureFile);
      }
      const curves = curvesOf(trace, steps);
      this.view.post({ kind: "record", run: this.showing, curves, title: trace.target, state }, run.pictures);
      if (this.isHeatOn) this.sendHeat();
    }
    const words = message || summary(trace, state);
    this.view.post({ kind: "end", run: this.showing, state, message: words });
  }

  private sendHeat(): void {
    const run = this.shownRun;
    if (!run?.ended || !run.trace.length) return;
    const steps = evenly(run.trace.length, MOST_RECORDED);
    const files = steps.flatMap((step) => run.trace.frames[step] ?? []).map(heatFile);
    this.view.post({ kind: "heat", run: this.showing }, files);
  }

  private sendHistory(changed: readonly Trace[]): void {
    const entries = changed.map((trace): HistoryEntry => {
      const { target, task } = trace.description;
      const { ended, origin } = this.runOf(trace);
      const parent = origin ? this.traces.indexOf(origin.trace) : null;
      return {
        ...{ index: this.traces.indexOf(trace), title: target, task: say(task.replaceAll("_", " ")) },
        ...{ state: ended?.state ?? "running", parent, step: origin?.step ?? null },
      };
    });
    const current = this.shownRun ? this.traces.indexOf(this.shownRun.trace) : null;
    const thumbnails = changed.map((trace) => this.runOf(trace).thumbnail);
    this.view.post({ kind: "history", entries, shown: current, whole: false }, thumbnails);
  }

  private onView(message: Outgoing): void {
    const trace = this.shownTrace;
    switch (message.kind) {
      case "step":
        this.shownStep = message.step;
        if (trace) this.listener.shown(trace, message.step);
        break;
      case "branch":
        if (!trace) break;
        this.origin = { trace, step: message.step };
        try {
          this.listener.branch(trace, message.step);
        } finally {
          this.origin = undefined;
        }
        break;
      case "show":
        this.show(message.index);
        break;
      case "heat":
        this.isHeatOn = message.on;
        if (message.on) this.sendHeat();
        break;
      default:
        break;
    }
  }
}

const loadingWords = (): string => say("The model is being loaded; the run starts as soon as it is ready.");

/** The line under a finished run. */
export function summary(trace: Trace, state: RunEnded["state"]): string {
  const { last, target } = trace;
  if (!last) return say("stopped before the first step");
  const probability = mean(last.probability);
  const isKnown = target !== "" && Number.isFinite(probability);
  const reached = isKnown ? `, ${target} ${percent(probability)}` : "";
  if (state === "done") return say("%1 steps in %2 s", last.step, last.seconds.toFixed(1)) + reached;
  return say("stopped at step %1", last.step) + reached;
}
