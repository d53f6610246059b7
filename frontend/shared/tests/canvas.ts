/** A 2D canvas in memory: happy-dom has none. As much of it as the front end uses, without antialiasing. */

type Polygon = [x: number, y: number][];

const contexts = new WeakMap<HTMLCanvasElement, FakeContext>();

export class FakeContext {
  imageSmoothingQuality = "low";
  fillStyle = "#000";
  globalAlpha = 1;
  font = "";
  /** What was drawn, by name. */
  readonly calls: string[] = [];
  private pixels = new Uint8ClampedArray();
  private size = "";
  private polygon: Polygon = [];

  constructor(readonly canvas: HTMLCanvasElement) {}

  createImageData(width: number, height: number): ImageData {
    return new ImageData(width, height);
  }

  putImageData(
    image: ImageData,
    x0: number,
    y0: number,
    left = 0,
    top = 0,
    width = image.width,
    height = image.height,
  ) {
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) {
        const from = 4 * (y * image.width + x);
        this.set(x0 + x, y0 + y, image.data.subarray(from, from + 4));
      }
    }
  }

  getImageData(x0: number, y0: number, width: number, height: number): ImageData {
    this.calls.push("getImageData");
    const image = new ImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) image.data.set(this.get(x0 + x, y0 + y), 4 * (y * width + x));
    }
    return image;
  }

  clearRect(x0: number, y0: number, width: number, height: number): void {
    this.calls.push("clearRect");
    this.fillArea(x0, y0, width, height, [0, 0, 0, 0]);
  }

  fillRect(x0: number, y0: number, width: number, height: number): void {
    this.calls.push("fillRect");
    this.fillArea(x0, y0, width, height, [0, 0, 0, 255]);
  }

  drawImage(source: unknown, x0: number, y0: number): void {
    this.calls.push("drawImage");
    if (!(source instanceof HTMLCanvasElement)) return;
    const from = contextFor(source);
    for (let y = 0; y < source.height; y++) {
      for (let x = 0; x < source.width; x++) {
        const pixel = from.get(x, y);
        if (pixel[3]) this.set(x0 + x, y0 + y, pixel);
      }
    }
  }

  fillText(): void {
    this.calls.push("fillText");
  }

  beginPath(): void {
    this.polygon = [];
  }

  lineTo(x: number, y: number): void {
    this.polygon.push([x, y]);
  }

  /** Fills the pixels whose centre is inside the polygon, by the even-odd rule. */
  fill(): void {
    for (let y = 0; y < this.canvas.height; y++) {
      for (let x = 0; x < this.canvas.width; x++) {
        if (isInside(this.polygon, x + 0.5, y + 0.5)) this.set(x, y, [0, 0, 0, 255]);
      }
    }
  }

  get(x: number, y: number): Uint8ClampedArray {
    this.resize();
    const at = 4 * (y * this.canvas.width + x);
    return this.pixels.slice(at, at + 4);
  }

  set(x: number, y: number, pixel: ArrayLike<number>): void {
    this.resize();
    if (x >= 0 && y >= 0 && x < this.canvas.width && y < this.canvas.height) {
      this.pixels.set(pixel, 4 * (y * this.canvas.width + x));
    }
  }

  private fillArea(x0: number, y0: number, width: number, height: number, pixel: number[]): void {
    for (let y = y0; y < y0 + height; y++) for (let x = x0; x < x0 + width; x++) this.set(x, y, pixel);
  }

  /** Setting the size of a canvas clears it. */
  private resize(): void {
    const { width, height } = this.canvas;
    if (this.size === `${width} ${height}`) return;
    this.size = `${width} ${height}`;
    this.pixels = new Uint8ClampedArray(4 * width * height);
  }
}

function isInside(polygon: Polygon, x: number, y: number): boolean {
  let inside = false;
  polygon.forEach(([ax, ay], index) => {
    const [bx, by] = polygon[(index + 1) % polygon.length] ?? [ax, ay];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  });
  return inside;
}

export function contextFor(canvas: HTMLCanvasElement): FakeContext {
  let context = contexts.get(canvas);
  if (!context) contexts.set(canvas, (context = new FakeContext(canvas)));
  return context;
}

class FakeImageData {
  readonly data: Uint8ClampedArray;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}

/** Every canvas gets an in-memory context, and every picture decodes to 8 by 8 pixels, except an empty or "broken" one. */
export function installCanvas(): void {
  Object.assign(globalThis, { ImageData: FakeImageData });
  Object.assign(HTMLCanvasElement.prototype, {
    getContext(this: HTMLCanvasElement) {
      return contextFor(this);
    },
  });
  Object.assign(globalThis, {
    createImageBitmap: async (blob: Blob) => {
      if ((await blob.text()) === "broken") throw new Error("not a picture");
      return { width: 8, height: 8, close: () => undefined };
    },
  });
}
