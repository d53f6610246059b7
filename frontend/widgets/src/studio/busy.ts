/** Says so when what was done in a studio waits for a kernel that is busy elsewhere, such as with another cell.
 *
 * A kernel with subshells may answer one widget while messages to another still wait. So it is asked after each deed,
 * and a press of Run is watched by itself. */
import { element } from "@robust-widgets/shared/dom";

/** The events after which the kernel has something to do. */
const DEEDS = ["pointerup", "keyup"] as const;
/** A kernel is asked so often at most; each message costs the browser time. */
const INTERVAL_MS = 500;
/** A kernel that answers later is called busy; over a slow connection an answer takes a second or two. */
const PATIENCE_MS = 2500;
const SENTENCE = "The kernel is busy. What you do here waits for it; nothing is lost.";
/** What a press of Run changes on the page: Stop, the run that is shown, and the line that says what is wrong. */
const SIGNS = { subtree: true, childList: true, attributeFilter: ["disabled", "data-run", "data-state"] };

type Wait = "answer" | "run";

export class BusyNotice {
  private readonly root = element("div", "rw-kernel-busy", { role: "status" });
  private askTimer = 0;
  private newest = 0;
  private readonly waits = new Map<Wait, number>();
  private readonly signs = new MutationObserver((mutations) => {
    if (mutations.some(({ target }) => target !== this.root)) this.end("run");
  });

  /** @param ask sends a number, which the kernel returns; false if there is no kernel */
  constructor(
    private readonly ask: (number: number) => boolean,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => {
      this.stop();
      this.root.remove();
    });
  }

  /** Watches what is done in a studio; the notice is the last part of the row of its Run button. */
  watch(studio: HTMLElement): void {
    const options = { signal: this.signal, capture: true };
    const done = () => {
      if (!this.root.isConnected) studio.querySelector(".rw-buttons")?.append(this.root);
      this.probe();
    };
    for (const name of DEEDS) studio.addEventListener(name, done, options);
    const pressed = ({ target }: Event) => {
      if (!(target instanceof Element) || !target.closest(".rw-run") || this.waits.has("run")) return;
      done();
      this.signs.observe(studio, SIGNS);
      this.begin("run");
    };
    studio.addEventListener("click", pressed, options);
  }

  answered(number: number): void {
    if (number === this.newest) this.end("answer");
  }

  stop(): void {
    clearTimeout(this.askTimer);
    this.askTimer = 0;
    for (const wait of [...this.waits.keys()]) this.end(wait);
  }

  private probe(): void {
    if (this.waits.has("answer")) return;
    this.askTimer ||= window.setTimeout(() => {
      this.askTimer = 0;
      if (this.ask(++this.newest)) this.begin("answer");
    }, INTERVAL_MS);
  }

  private begin(wait: Wait): void {
    const show = () => (this.root.textContent = SENTENCE);
    this.waits.set(wait, window.setTimeout(show, PATIENCE_MS));
  }

  private end(wait: Wait): void {
    clearTimeout(this.waits.get(wait));
    this.waits.delete(wait);
    if (wait === "run") this.signs.disconnect();
    if (!this.waits.size) this.root.textContent = "";
  }
}
