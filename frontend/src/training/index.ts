/** The training monitor: heading, buttons, progress, curves, and the same seeds painted after each epoch. */
import "../view/watch.css";
import "../view/chart.css";
import "../gone.css";
import "./training.css";
import type { RenderContext } from "../anywidget";
import { lineOf } from "../line";
import { Acknowledger } from "../view/acknowledger";
import { element, finder, keepKeysFromLab, say } from "../view/dom";
import type { Buffers } from "../view/messages";
import { Buttons } from "./buttons";
import { Curves } from "./curves";
import { Enlarged } from "./enlarged";
import { Gallery } from "./gallery";
import type { MonitorLine, MonitorModel, Update } from "./messages";

const TEMPLATE = `
  <div class="rw-training-head"><b class="rw-training-title" role="heading" aria-level="3"></b>
    <span class="rw-training-state"></span></div>
  <div class="rw-training-about"></div>
  <div class="rw-training-bar" role="progressbar" aria-label="training progress" aria-valuemin="0"><div></div></div>
  <div class="rw-training-progress"></div>
  <div class="rw-training-notice"></div>
  <div class="rw-gone" role="alert"></div>
  <span class="rw-view-announcer" role="status" aria-live="polite"></span>`;

class Monitor {
  private readonly ended = new AbortController();
  private readonly root = element("div", "rw-watch rw-training", { role: "group" });
  private readonly find = finder(this.root);
  private readonly buttons: Buttons;
  private readonly curves: Curves;
  private readonly gallery: Gallery;
  private readonly enlarged: Enlarged;
  private readonly acks: Acknowledger;
  private notice = "";
  private greeted = false;

  private readonly model: MonitorLine;

  constructor(raw: MonitorModel, el: HTMLElement) {
    const { signal } = this.ended;
    const model = (this.model = lineOf(raw, { kind: "hello" }, this.onLine, signal));
    this.root.innerHTML = TEMPLATE;
    this.root.setAttribute("aria-label", model.get("label"));
    this.acks = new Acknowledger((sequence) => model.send({ kind: "ack", sequence }), signal);
    this.buttons = new Buttons((action) => model.send({ kind: "press", action }), signal);
    this.curves = new Curves(signal);
    this.enlarged = new Enlarged(() => this.gallery, signal);
    this.gallery = new Gallery((place) => this.enlarged.open(place), signal);
    this.root.insertBefore(this.buttons.root, this.find(".rw-training-bar", HTMLElement));
    this.root.append(this.curves.root, this.gallery.root, this.enlarged.root);
    keepKeysFromLab(this.root, signal);
    el.append(this.root);
    model.on("msg:custom", this.receive);
    model.send({ kind: "hello" });
  }

  readonly close = (): void => {
    this.ended.abort();
    this.model.off("msg:custom", this.receive);
    this.root.remove();
  };

  private readonly receive = (message: Update, buffers: Buffers): void => {
    if (message.kind !== "update") return;
    this.write(message);
    this.curves.show(message.loss, message.accuracies, message.step, message.steps);
    this.gallery.show(message, buffers);
    this.enlarged.refresh();
    this.acks.seen(message.sequence);
  };

  /** Where a kernel is found again, it answers with all there is to show. */
  private readonly onLine = (gone: boolean): void => {
    const { root } = this;
    const busy = ["reading", "running", "paused"].includes(root.dataset["state"] ?? "");
    const next = busy ? "Run the cell again and press Start: training goes on from its last checkpoint." : "Run the cell again.";
    say(this.find(".rw-gone", HTMLElement), gone ? `The kernel has ended. ${next}` : "");
    if (!gone) return;
    root.dataset["state"] = busy ? "failed" : root.dataset["state"];
    if (busy) say(this.find(".rw-training-state", HTMLElement), "the kernel ended");
    this.buttons.rest();
  };

  private write(message: Update): void {
    const { state, step, steps, progress, notice } = message;
    this.root.dataset["state"] = state;
    this.root.dataset["step"] = String(step);
    const write = (name: string, words: string) => say(this.find(`.rw-training-${name}`, HTMLElement), words);
    write("title", message.title);
    write("state", message.words);
    write("about", message.about);
    write("progress", progress);
    this.find(".rw-training-about", HTMLElement).title = message.classes;
    this.buttons.show(message);
    const bar = this.find(".rw-training-bar", HTMLElement);
    finder(bar)("div", HTMLElement).style.transform = `scaleX(${Math.min(1, step / Math.max(1, steps))})`;
    const values = { max: steps, now: step, text: progress || message.words };
    for (const [name, value] of Object.entries(values)) bar.setAttribute(`aria-value${name}`, String(value));
    // Written only when it is new, so that details once opened stay open.
    if (notice !== this.notice) this.find(".rw-training-notice", HTMLElement).innerHTML = this.notice = notice;
    // What happened before this page was there is no news.
    if (this.greeted) say(this.find(".rw-view-announcer", HTMLElement), message.announcement);
    this.greeted = true;
  }
}

const render = ({ model, el }: RenderContext<MonitorModel>): (() => void) => new Monitor(model, el).close;

export default { render };
