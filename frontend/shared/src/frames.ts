/** Paints pictures on a canvas, one after another. A newer picture replaces one that still waits. */
import { contextOf } from "./dom";
import { drawHeat } from "./heat";

/** A picture to paint. */
export interface Frame {
  blob: Blob;
  step: number;
  /** To be acknowledged; null for a recorded picture. */
  sequence: number | null;
  heat?: Blob | undefined;
}

export interface FrameListener {
  /** A picture was painted. */
  painted(frame: Frame): void;
  /** A live picture was painted, or could not be decoded. */
  seen(sequence: number): void;
}

export class FrameRenderer {
  shown: Frame | null = null;
  isSmooth = true;
  private waiting: Frame | null = null;
  private isBusy = false;
  private epoch = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly side: () => number,
    private readonly listener: FrameListener,
  ) {}

  /** Drops the pictures that wait or are being decoded. */
  forget(): void {
    this.epoch++;
    this.waiting = this.shown = null;
  }

  blank(): void {
    this.forget();
    this.canvas.width = this.canvas.height = 1;
  }

  /** Paints the same picture again, for another size. */
  repaint(): void {
    if (this.shown && !this.isBusy) void this.paint(this.shown);
  }

  async paint(frame: Frame): Promise<void> {
    this.waiting = frame;
    if (this.isBusy) return;
    this.isBusy = true;
    for (let next = this.takeWaiting(); next; next = this.takeWaiting()) await this.decodeAndDraw(next);
    this.isBusy = false;
  }

  private takeWaiting(): Frame | null {
    const { waiting } = this;
    this.waiting = null;
    return waiting;
  }

  private async decodeAndDraw(frame: Frame): Promise<void> {
    const { epoch } = this;
    const [picture, heat] = await Promise.all([decode(frame.blob), decode(frame.heat)]);
    if (epoch === this.epoch) {
      if (picture) this.draw(picture, heat, frame);
      if (frame.sequence !== null) this.listener.seen(frame.sequence);
    }
    picture?.close();
    heat?.close();
  }

  private draw(picture: ImageBitmap, heat: ImageBitmap | null, frame: Frame): void {
    const { canvas } = this;
    const pixels = Math.round(this.side() * (window.devicePixelRatio || 1));
    const scale = pixels / Math.max(picture.width, picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    if (canvas.width !== pixels || canvas.height !== pixels) canvas.width = canvas.height = pixels;
    const context = contextOf(canvas);
    if (width !== height) context.clearRect(0, 0, pixels, pixels);
    // A cheap filter during a run: the difference is not visible, and leaves more time for the steps.
    context.imageSmoothingQuality = this.isSmooth ? "high" : "low";
    const box: [number, number, number, number] = [(pixels - width) / 2, (pixels - height) / 2, width, height];
    if (heat) drawHeat(context, picture, heat, box);
    else context.drawImage(picture, ...box);
    this.shown = { ...frame, sequence: null };
    this.listener.painted(frame);
  }
}

async function decode(blob: Blob | undefined): Promise<ImageBitmap | null> {
  if (!blob?.size) return null;
  return createImageBitmap(blob).catch((error: unknown) => {
    console.warn("robust-widgets: a picture could not be decoded", error);
    return null;
  });
}
