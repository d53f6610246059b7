/** Paints pictures one after another; a newer one takes the place of one that still waits. */
import { drawHeat } from "./heat";

/** A picture to paint; live frames have a sequence number to acknowledge. */
export interface Job {
  blob: Blob;
  step: number;
  sequence: number | null;
  heat?: Blob | undefined;
}

export interface Watcher {
  /** A picture was painted. */
  painted(job: Job): void;
  /** A live frame was painted, or could not be. */
  seen(sequence: number): void;
}

export class Painter {
  shown: Job | null = null;
  smooth = true;
  private waiting: Job | null = null;
  private busy = false;
  private epoch = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly side: () => number,
    private readonly watcher: Watcher,
  ) {}

  /** What waits or is being decoded is not painted any more. */
  forget(): void {
    this.epoch++;
    this.waiting = this.shown = null;
  }

  blank(): void {
    this.forget();
    this.canvas.width = this.canvas.height = 1;
  }

  again(): void {
    if (this.shown && !this.busy) void this.paint(this.shown);
  }

  async paint(wanted: Job): Promise<void> {
    this.waiting = wanted;
    if (this.busy) return;
    this.busy = true;
    while (this.waiting) {
      const job: Job = this.waiting;
      const begun = this.epoch;
      this.waiting = null;
      const [bitmap, heat] = await Promise.all([decoded(job.blob), decoded(job.heat)]);
      if (begun === this.epoch) {
        if (bitmap) this.put(bitmap, heat, job);
        if (job.sequence !== null) this.watcher.seen(job.sequence);
      }
      bitmap?.close();
      heat?.close();
    }
    this.busy = false;
  }

  private put(bitmap: ImageBitmap, heat: ImageBitmap | null, job: Job): void {
    const { canvas } = this;
    const pixels = Math.round(this.side() * (window.devicePixelRatio || 1));
    const scale = pixels / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    if (canvas.width !== pixels || canvas.height !== pixels) canvas.width = canvas.height = pixels;
    const context = canvas.getContext("2d");
    if (!context) return;
    if (width !== height) context.clearRect(0, 0, pixels, pixels);
    // Live, a cheap filter: the eye cannot tell, and the step loop gets the time.
    context.imageSmoothingQuality = this.smooth ? "high" : "low";
    const box: [number, number, number, number] = [(pixels - width) / 2, (pixels - height) / 2, width, height];
    if (heat) drawHeat(context, bitmap, heat, box);
    else context.drawImage(bitmap, ...box);
    this.shown = { ...job, sequence: null };
    this.watcher.painted(job);
  }
}

async function decoded(blob: Blob | undefined): Promise<ImageBitmap | null> {
  if (!blob?.size) return null;
  return createImageBitmap(blob).catch((error: unknown) => {
    console.warn("robust-widgets: no picture", error);
    return null;
  });
}
