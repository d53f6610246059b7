/** The gradient's magnitude over a picture, in a perceptually uniform colour map that also works in greyscale. */
import { createCanvas } from "./dom";

const STOPS: readonly number[][] = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
];
const PICTURE_OPACITY = 0.45;
/** Opacity of the weakest gradient, and how much the strongest adds; of 255. */
const LEAST_ALPHA = 80;
const ALPHA_RANGE = 165;

/** 256 colours of three bytes each. */
const TABLE = (() => {
  const table = new Uint8ClampedArray(256 * 3);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (STOPS.length - 1);
    const low = Math.min(STOPS.length - 2, Math.floor(place));
    for (let channel = 0; channel < 3; channel++) {
      const [from, to] = [STOPS[low]?.[channel] ?? 0, STOPS[low + 1]?.[channel] ?? 0];
      table[3 * level + channel] = from + (place - low) * (to - from);
    }
  }
  return table;
})();

export const GRADIENT_CSS = `linear-gradient(90deg, ${STOPS.map((stop) => `rgb(${stop.join(" ")})`).join(", ")})`;

/** Replaces each grey level of RGBA pixels by its colour, more transparent where it is dark. */
export function colorize(data: Uint8ClampedArray): void {
  for (let at = 0; at < data.length; at += 4) {
    const level = data[at] ?? 0;
    for (let channel = 0; channel < 3; channel++) data[at + channel] = TABLE[3 * level + channel] ?? 0;
    data[at + 3] = LEAST_ALPHA + (level * ALPHA_RANGE) / 255;
  }
}

function colored(grey: ImageBitmap): HTMLCanvasElement {
  const context = createCanvas(grey.width, grey.height, { willReadFrequently: true });
  context.drawImage(grey, 0, 0);
  const image = context.getImageData(0, 0, grey.width, grey.height);
  colorize(image.data);
  context.putImageData(image, 0, 0);
  return context.canvas;
}

type Box = [x: number, y: number, width: number, height: number];

/** Draws a dimmed picture, and the gradient's magnitude over it. */
export function drawHeat(context: CanvasRenderingContext2D, picture: ImageBitmap, grey: ImageBitmap, box: Box): void {
  context.fillStyle = "#000";
  context.fillRect(...box);
  context.globalAlpha = PICTURE_OPACITY;
  context.drawImage(picture, ...box);
  context.globalAlpha = 1;
  context.drawImage(colored(grey), ...box);
}
