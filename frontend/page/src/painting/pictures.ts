/** Pictures of the browser as pixels, and pixels as pictures: cropped to a square, scaled, on white. */
import { createCanvas } from "@robust-widgets/shared/dom";
import type { Pictures } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import { visiblePart, type Rectangle } from "@robust-widgets/widgets/pad/rectangle";
import { InputError } from "../studio/problems";
import { opaque } from "./canvas";

/** Decodes a picture file, crops its middle square and scales it: red, green, blue for each pixel.
 *
 * @throws InputError it cannot be read */
export async function decodeSquare(file: Blob, side: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw new InputError(say("The picture is damaged or cut short; choose another one."));
  const pixels = squareOf(bitmap, bitmap.width, bitmap.height, side);
  bitmap.close();
  return pixels;
}

/** Decodes a picture file, and draws it over a rectangle of a square picture; red, green, blue for each pixel.
 *
 * @throws InputError it cannot be read */
export async function drawPlaced(file: Blob, place: Rectangle, below: Uint8Array, side: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw new InputError(say("The picture is damaged or cut short; choose another one."));
  const context = createCanvas(side, side, { willReadFrequently: true });
  const image = context.createImageData(side, side);
  image.data.set(opaque(below));
  context.putImageData(image, 0, 0);
  const part = visiblePart(place, side, bitmap.width, bitmap.height);
  context.imageSmoothingQuality = "high";
  if (part) context.drawImage(bitmap, ...part.source, ...part.target);
  bitmap.close();
  return rgbOf(context.getImageData(0, 0, side, side).data);
}

/** Decodes a square drawing and scales it: red, green, blue and alpha for each pixel.
 *
 * @throws InputError it cannot be read */
export async function decodeDrawing(file: Blob, side: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw new InputError(say("The picture is damaged or cut short; choose another one."));
  const context = createCanvas(side, side, { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, side, side);
  bitmap.close();
  return new Uint8Array(context.getImageData(0, 0, side, side).data);
}

/** The middle square of something that can be drawn. */
export function squareOf(source: CanvasImageSource, width: number, height: number, side: number): Uint8Array {
  const context = createCanvas(side, side, { willReadFrequently: true });
  const least = Math.min(width, height);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (width - least) / 2, (height - least) / 2, least, least, 0, 0, side, side);
  return rgbOf(context.getImageData(0, 0, side, side).data);
}

/** RGBA as RGB. */
export function rgbOf(data: Uint8ClampedArray): Uint8Array {
  const pixels = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    for (let channel = 0; channel < 3; channel++) pixels[to + channel] = data[from + channel] ?? 0;
  }
  return pixels;
}

/** Draws one of several pictures on a canvas of its size. */
export function canvasOf(pictures: Pictures, index = 0): HTMLCanvasElement {
  const { width, height } = pictures;
  const context = createCanvas(width, height);
  const image = context.createImageData(width, height);
  image.data.set(opaque(pictureOf(pictures, index)));
  context.putImageData(image, 0, 0);
  return context.canvas;
}

/** The bytes of one of several pictures. */
export function pictureOf({ width, height, pixels }: Pictures, index: number): Uint8Array {
  const size = width * height * 3;
  return pixels.subarray(index * size, (index + 1) * size);
}

/** Scales a picture to a square of another size. */
export function resized(pictures: Pictures, index: number, side: number): Uint8Array {
  const { width, height } = pictures;
  if (width === side && height === side) return pictureOf(pictures, index).slice();
  return squareOf(canvasOf(pictures, index), width, height, side);
}
