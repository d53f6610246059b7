/** The tour: five bubbles beside the parts that they explain. Nothing is blocked meanwhile. */
import { element } from "@robust-widgets/shared/dom";

/** Where a bubble stands, and what it says. */
const STOPS: [selector: string, title: string, text: string][] = [
  [
    ".rw-pad-surface",
    "Paint",
    "Paint a few shapes with mouse, finger or pen, or drop a picture here. Ctrl-Z takes anything back; ? lists all keys.",
  ],
  [
    ".rw-classes, .rw-palette",
    "Choose what it becomes",
    "The pictures show what the classifier thinks of each class. Click one, or type a name.",
  ],
  [
    ".rw-run",
    "Run",
    "The classifier changes your paint step by step, until it sees the class. Move the sliders and run again: every run is kept.",
  ],
  [
    ".rw-view-frame",
    "Watch",
    "The result grows here. Afterwards play it, step through it, and hold Start to see where it began.",
  ],
  [
    ".rw-use, .rw-results",
    "Go on",
    "Use as input puts the result on the canvas, to paint over it and run again. Save writes a picture, an animation or the whole run.",
  ],
];
const GAP = 10;

export class Tour {
  private readonly heading = element("strong");
  private readonly text = element("p");
  private readonly count = element("span", "rw-tour-count");
  private readonly next = element("button", "rw-tour-next", { type: "button" }, "Next");
  private readonly bubble: HTMLElement;
  private at = 0;

  /**
   * @param studio finds the studio that the bubbles stand in
   * @param opener gets the focus back
   */
  constructor(
    private readonly studio: () => HTMLElement | null,
    private readonly opener: HTMLElement,
    signal: AbortSignal,
  ) {
    const skip = element("button", "rw-tour-skip", { type: "button" }, "Skip");
    const row = element("div", "rw-tour-row", {}, this.count, skip, this.next);
    this.bubble = element("div", "rw-tour", { role: "dialog" }, this.heading, this.text, row);
    this.next.addEventListener("click", () => this.go(this.at + 1));
    skip.addEventListener("click", () => this.end());
    this.bubble.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.end();
      else if (event.key === "ArrowLeft") this.go(Math.max(0, this.at - 1));
      else if (event.key === "ArrowRight") this.go(this.at + 1);
    });
    signal.addEventListener("abort", () => this.bubble.remove());
    window.addEventListener("resize", () => this.place(), { signal });
  }

  start(): void {
    this.studio()?.append(this.bubble);
    this.go(0);
  }

  /** Goes to a stop, or to the next one whose part this studio has. */
  private go(at: number): void {
    while (at < STOPS.length && !this.anchor(at)) at++;
    const stop = STOPS[at];
    if (!stop) {
      this.end();
      return;
    }
    this.at = at;
    this.heading.textContent = stop[1];
    this.text.textContent = stop[2];
    this.count.textContent = `${at + 1} of ${STOPS.length}`;
    this.next.textContent = STOPS.some((_, index) => index > at && this.anchor(index)) ? "Next" : "Done";
    this.bubble.setAttribute("aria-label", `Tour, ${this.count.textContent}: ${stop[1]}`);
    this.anchor(at)?.scrollIntoView({ block: "nearest" });
    this.place();
    this.next.focus({ preventScroll: true });
  }

  private end(): void {
    const hadFocus = this.bubble.contains(document.activeElement);
    this.bubble.remove();
    if (hadFocus) this.opener.focus({ preventScroll: true });
  }

  private anchor(at: number): HTMLElement | null {
    const part = this.studio()?.querySelector<HTMLElement>(STOPS[at]?.[0] ?? "") ?? null;
    return part?.offsetParent === null ? null : part;
  }

  /** Below the part it explains, or above it where there is no room, and inside the studio. */
  private place(): void {
    const [studio, anchor] = [this.studio(), this.anchor(this.at)];
    if (!studio || !anchor || !this.bubble.isConnected) return;
    const [around, part] = [studio.getBoundingClientRect(), anchor.getBoundingClientRect()];
    const { offsetWidth, offsetHeight } = this.bubble;
    const left = part.left - around.left + Math.min(GAP, part.width / 2);
    const below = part.bottom - around.top + GAP;
    // Large parts are covered at their lower edge, so that the bubble stays in sight.
    const top = part.height > 2 * offsetHeight ? part.bottom - around.top - offsetHeight - GAP : below;
    this.bubble.style.left = `${Math.max(0, Math.min(left, studio.clientWidth - offsetWidth))}px`;
    this.bubble.style.top = `${Math.max(0, top)}px`;
  }
}
