/** The start panel of a studio: examples that run at one click, and the tour. It also folds the studio's panels. */
import { connect, kernelText, type Connection, type Kernel } from "@robust-widgets/shared/connection";
import { element, icon, pictureBlob } from "@robust-widgets/shared/dom";
import type { Buffers, RenderContext } from "@robust-widgets/shared/model";
import "@robust-widgets/shared/kernelEnded.css";
import "@robust-widgets/shared/tokens.css";
import { BusyNotice } from "./busy";
import "./layout.css";
import type { Incoming, Model, Outgoing, State } from "./messages";
import { watchPanels } from "./panels";
import "./start.css";
import { Tour } from "./tour";

const PHOTOGRAPH = "M2 3.5h12v9H2zM2 10.5l3.5-3.5 3 3 2-2 3.5 3.5M11 6.2v.1";
const DICE = "M3 3h10v10H3zM5.8 5.8v.1M10.2 5.8v.1M8 8v.1M5.8 10.2v.1M10.2 10.2v.1";
const SIDE = 48;

class StartPanel {
  private readonly closed = new AbortController();
  private readonly root = element("section", "rw-start", { "aria-label": "Begin with an example" });
  private readonly fold = element("button", "rw-start-fold", { type: "button" }, "Begin with an example");
  private readonly strip = element("div", "rw-start-strip");
  private readonly connection: Connection<State, Incoming, Outgoing>;
  private readonly tour: Tour;
  private readonly busy: BusyNotice;
  private readonly notice = element("div", "rw-kernel-ended", { role: "alert" });
  private sheetUrl = "";

  constructor(
    private readonly model: Model,
    el: HTMLElement,
  ) {
    const { signal } = this.closed;
    this.connection = connect(model, el, { kind: "hello" }, this.onConnectionChange, signal);
    this.busy = new BusyNotice((number) => this.connection.send({ kind: "ping", number }), signal);
    const touring = element("button", "rw-start-tour", { type: "button" }, "Tour");
    this.tour = new Tour(() => this.studio, touring, signal);
    touring.addEventListener("click", () => this.tour.start(), { signal });
    this.fold.addEventListener("click", () => this.setFolded(!model.get("folded")), { signal });
    this.root.append(this.notice, element("div", "rw-start-head", {}, this.fold, touring), this.strip);
    this.root.setAttribute("data-lm-suppress-shortcuts", "true");
    el.append(this.root);
    this.fill();
    model.on("change:folded", this.update);
    model.on("change:sketches", this.refill);
    model.on("msg:custom", this.receive);
    this.update();
    this.connection.send({ kind: "hello" });
    // The studio is attached a moment after this part of it is rendered.
    requestAnimationFrame(() => {
      if (!this.studio) return;
      watchPanels(this.studio, signal);
      this.busy.watch(this.studio);
    });
  }

  readonly close = (): void => {
    this.closed.abort();
    URL.revokeObjectURL(this.sheetUrl);
    this.model.off("change:folded", this.update);
    this.model.off("change:sketches", this.refill);
    this.model.off("msg:custom", this.receive);
    this.root.remove();
  };

  private get studio(): HTMLElement | null {
    return this.root.closest<HTMLElement>(".rw-studio");
  }

  private setFolded(isFolded: boolean): void {
    this.model.set("folded", isFolded);
    this.model.save_changes();
  }

  private fill(): void {
    const sketches = this.model.get("sketches").map((name) => {
      const picture = element("span", "rw-start-picture");
      return this.button(name, picture, `Begin with a sketch: ${name}`, { kind: "example", name });
    });
    const others = [this.button("surprise", drawn(DICE), "Paint a class drawn at random", { kind: "surprise" })];
    if (this.model.get("photograph")) {
      const help = "Begin with a photograph of a cat";
      others.unshift(this.button("photo", drawn(PHOTOGRAPH), help, { kind: "photograph" }));
    }
    this.strip.replaceChildren(...sketches, ...others);
  }

  private readonly refill = (): void => {
    this.fill();
    this.connection.send({ kind: "hello" });
  };

  private button(label: string, picture: HTMLElement, help: string, message: Outgoing): HTMLButtonElement {
    const text = element("span", "rw-start-label", {}, label);
    const button = element("button", "rw-start-example", { type: "button", title: help }, picture, text);
    button.addEventListener("click", () => this.connection.send(message), { signal: this.closed.signal });
    return button;
  }

  private readonly update = (): void => {
    const isFolded = this.model.get("folded");
    this.strip.hidden = isFolded;
    this.fold.setAttribute("aria-expanded", String(!isFolded));
  };

  /** In a studio with a canvas, the pad says so in this one's place. */
  private readonly onConnectionChange = (kernel: Kernel): void => {
    this.notice.textContent = kernelText(kernel, "studio", "Run the cell again to paint.");
    if (kernel !== "running") this.busy.stop();
  };

  private readonly receive = (message: Incoming, [sheet]: Buffers): void => {
    if (message.kind === "pong") this.busy.answered(message.number);
    if (!sheet) return;
    URL.revokeObjectURL(this.sheetUrl);
    this.sheetUrl = URL.createObjectURL(pictureBlob(sheet));
    const pictures = [...this.strip.querySelectorAll<HTMLElement>("span.rw-start-picture:empty")];
    pictures.forEach(({ style }, index) => {
      style.backgroundImage = `url(${JSON.stringify(this.sheetUrl)})`;
      style.backgroundSize = `${pictures.length * SIDE}px ${SIDE}px`;
      style.backgroundPosition = `${-index * SIDE}px 0`;
    });
  };
}

const drawn = (path: string): HTMLElement => element("span", "rw-start-picture", {}, icon(path));

const render = ({ model, el }: RenderContext<Model>): (() => void) => new StartPanel(model, el).close;

export default { render };
