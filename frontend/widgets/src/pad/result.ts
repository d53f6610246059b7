/** The result of the run, laid over the painting: a copy of what the studio's view shows. */
import { contextOf, element } from "@robust-widgets/shared/dom";

export class ResultOverlay {
  readonly canvas = element("canvas", "rw-pad-result", { "aria-hidden": "true" });
  private readonly context = contextOf(this.canvas);
  private view: HTMLElement | null = null;

  /** Follows the view in the studio of an element; false if there is none. */
  follow(inside: HTMLElement, signal: AbortSignal): boolean {
    this.view = inside.closest(".rw-studio, .rs-studio")?.querySelector<HTMLElement>(".rw-view") ?? null;
    if (!this.view) return false;
    const observer = new MutationObserver(() => this.draw());
    observer.observe(this.view, { attributes: true, attributeFilter: ["data-step", "data-painted", "data-run"] });
    signal.addEventListener("abort", () => observer.disconnect());
    return true;
  }

  /** @param opacity 0 to 1 */
  show(opacity: number): void {
    this.canvas.style.opacity = String(opacity);
    this.draw();
  }

  private draw(): void {
    const { canvas, context } = this;
    const source = this.view?.querySelector<HTMLCanvasElement>("canvas.rw-view-picture");
    if (!source?.width || !Number(canvas.style.opacity)) return;
    if (canvas.width !== source.width || canvas.height !== source.height) {
      canvas.width = source.width;
      canvas.height = source.height;
    }
    context.drawImage(source, 0, 0);
  }
}
