/** Tells the kernel what was painted: at most three times a second, because telling costs a browser dear. */

const APART_MS = 300;

export class Acknowledger {
  private told = -1;
  private newest = -1;
  private timer = 0;
  private toldAt = -Infinity;

  constructor(
    private readonly tell: (sequence: number) => void,
    signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.forget());
  }

  seen(sequence: number): void {
    this.newest = Math.max(this.newest, sequence);
    if (this.timer || this.newest === this.told) return;
    this.timer = window.setTimeout(this.now, this.toldAt + APART_MS - performance.now());
  }

  forget(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.told = this.newest = -1;
  }

  private readonly now = (): void => {
    this.timer = 0;
    this.toldAt = performance.now();
    this.told = this.newest;
    this.tell(this.told);
  };
}
