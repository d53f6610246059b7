/** Acknowledges frames to the kernel, at most three times a second: each message costs the browser about 30 ms. */

const INTERVAL_MS = 300;

export class Acknowledger {
  private acknowledged = -1;
  private newest = -1;
  private timer = 0;
  private lastTime = -Infinity;

  constructor(
    private readonly send: (sequence: number) => void,
    signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.forget());
  }

  seen(sequence: number): void {
    this.newest = Math.max(this.newest, sequence);
    if (this.timer || this.newest === this.acknowledged) return;
    this.timer = window.setTimeout(this.acknowledge, this.lastTime + INTERVAL_MS - performance.now());
  }

  forget(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.acknowledged = this.newest = -1;
  }

  private readonly acknowledge = (): void => {
    this.timer = 0;
    this.lastTime = performance.now();
    this.acknowledged = this.newest;
    this.send(this.acknowledged);
  };
}
