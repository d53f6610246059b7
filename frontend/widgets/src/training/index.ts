/** The training monitor: heading, buttons, progress, curves, and the same seeds painted after each epoch. */
import { Acknowledger } from "@robust-widgets/shared/acknowledger";
import "@robust-widgets/shared/chart.css";
import { connect, kernelText, type Kernel } from "@robust-widgets/shared/connection";
import { element, finder, setText, suppressLabShortcuts } from "@robust-widgets/shared/dom";
import "@robust-widgets/shared/keepsake.css";
import "@robust-widgets/shared/kernelEnded.css";
import type { Buffers, RenderContext } from "@robust-widgets/shared/model";
import "@robust-widgets/shared/watch.css";
import { Buttons } from "./buttons";
import { Curves } from "./curves";
import { Enlarged } from "./enlarged";
import { Gallery } from "./gallery";
import type { MonitorConnection, MonitorModel, Update } from "./messages";
import "./training.css";

const TEMPLATE = `
  <div class="rw-training-head"><b class="rw-training-title" role="heading" aria-level="3"></b>
    <span class="rw-training-state"></span></div>
  <div class="rw-training-about"></div>
  <div class="rw-training-bar" role="progressbar" aria-label="training progress" aria-valuemin="0"><div></div></div>
  <div class="rw-training-progress"></div>
  <div class="rw-training-notice"></div>
  <div class="rw-kernel-ended" role="alert"></div>
  <span class="rw-view-announcer" role="status" aria-live="polite"></span>`;

class Monitor {
  private readonly closed = new AbortController();
  private readonly model: MonitorConnection;
  private readonly root = element("div", "rw-watch rw-training rw-live", { role: "group" });
  private readonly find = finder(this.root);
  private readonly buttons: Buttons;
  private readonly curves: Curves;
  private readonly gallery: Gallery;
  private readonly enlarged: Enlarged;
  private readonly acknowledger: Acknowledger;
  private notice = "";
  private wasUpdated = false;

  constructor(raw: MonitorModel, el: HTMLElement) {
    const { signal } = this.closed;
    const model = (this.model = connect(raw, el, { kind: "hello" }, this.onConnectionChange, signal));
    this.root.innerHTML = TEMPLATE;
    this.root.setAttribute("aria-label", model.get("label"));
    this.acknowledger = new Acknowledger((sequence) => model.send({ kind: "ack", sequence }), signal);
    this.buttons = new Buttons((action) => model.send({ kind: "press", action }), signal);
    this.curves = new Curves(signal);
    this.enlarged = new Enlarged(() => this.gallery, signal);
    this.gallery = new Gallery((place) => this.enlarged.open(place), signal);
    this.part("bar").before(this.buttons.root);
    this.root.append(this.curves.root, this.gallery.root, this.enlarged.root);
    suppressLabShortcuts(this.root, signal);
    el.append(this.root);
    model.on("msg:custom", this.receive);
    model.send({ kind: "hello" });
  }

  readonly close = (): void => {
    this.closed.abort();
    this.model.off("msg:custom", this.receive);
    this.root.remove();
  };

  private part(name: string): HTMLElement {
    return this.find(`.rw-training-${name}`, HTMLElement);
  }

  private readonly receive = (message: Update, buffers: Buffers): void => {
    this.update(message);
    this.curves.show(message.loss, message.accuracies, message.step, message.steps);
    this.gallery.show(message, buffers);
    this.enlarged.refresh();
    this.acknowledger.seen(message.sequence);
  };

  /** A kernel that is back answers with an update, which shows everything again. */
  private readonly onConnectionChange = (kernel: Kernel): void => {
    const { dataset } = this.root;
    const isActive = ["reading", "running", "paused"].includes(dataset["state"] ?? "");
    const next = isActive
      ? "Run the cell again and press Start: training continues from its last checkpoint."
      : "Run the cell again.";
    setText(this.find(".rw-kernel-ended", HTMLElement), kernelText(kernel, "training monitor", next));
    // One that has shown the training goes on showing it.
    this.root.classList.toggle("rw-live", kernel === "running" || this.wasUpdated);
    if (kernel === "running") return;
    if (isActive) {
      dataset["state"] = "failed";
      setText(this.part("state"), "the kernel ended");
    }
    this.buttons.disable();
  };

  private update(message: Update): void {
    const { state, step, steps, progress, notice } = message;
    this.root.dataset["state"] = state;
    this.root.dataset["step"] = String(step);
    setText(this.part("title"), message.title);
    setText(this.part("state"), message.words);
    setText(this.part("about"), message.about);
    setText(this.part("progress"), progress);
    this.part("about").title = message.classes;
    this.buttons.show(message);
    const bar = this.part("bar");
    finder(bar)("div", HTMLElement).style.transform = `scaleX(${Math.min(1, step / Math.max(1, steps))})`;
    const values = { max: steps, now: step, text: progress || message.words };
    for (const [name, value] of Object.entries(values)) bar.setAttribute(`aria-value${name}`, String(value));
    // Only on a change, so that opened details stay open.
    if (notice !== this.notice) this.part("notice").innerHTML = this.notice = notice;
    // The first update reports what happened before this page was open; that is not announced.
    if (this.wasUpdated) setText(this.find(".rw-view-announcer", HTMLElement), message.announcement);
    this.wasUpdated = true;
  }
}

const render = ({ model, el }: RenderContext<MonitorModel>): (() => void) => new Monitor(model, el).close;

export default { render };
