/** Says so when what was done in a studio waits for a kernel that is busy elsewhere, such as with another cell. */
import { element } from "@robust-widgets/shared/dom";

/** The events after which the kernel has something to do. */
const DEEDS = ["pointerup", "keyup"] as const;
/** A kernel is asked so often at most; each message costs the browser time. */
const INTERVAL_MS = 500;
/** A kernel that answers later is called busy; over a slow connection an answer takes a second or two. */
const PATIENCE_MS = 2500;
const SENTENCE = "The kernel is busy. What you do here waits for it; nothing is lost.";

export class BusyNotice {
  private readonly root = element("div", "rw-kernel-busy", { role: "status" });
  private askTimer = 0;
  private noticeTimer = 0;
  private newest = 0;
  private isWaiting = false;

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

  /** Asks after each deed in a studio; the notice is the last part of the row of its Run button. */
  watch(studio: HTMLElement): void {
    const done = () => {
      if (!this.root.isConnected) studio.querySelector(".rw-buttons")?.append(this.root);
      this.probe();
    };
    for (const name of DEEDS) studio.addEventListener(name, done, { signal: this.signal, capture: true });
  }

  answered(number: number): void {
    if (number === this.newest) this.stop();
  }

  stop(): void {
    clearTimeout(this.askTimer);
    clearTimeout(this.noticeTimer);
    this.askTimer = 0;
    this.isWaiting = false;
    this.root.textContent = "";
  }

  private probe(): void {
    if (this.isWaiting) return;
    this.askTimer ||= window.setTimeout(() => {
      this.askTimer = 0;
      this.isWaiting = this.ask(++this.newest);
      if (this.isWaiting) this.noticeTimer = window.setTimeout(() => (this.root.textContent = SENTENCE), PATIENCE_MS);
    }, INTERVAL_MS);
  }
}
