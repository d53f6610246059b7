/** The gradient's size over a picture: dark to bright, evenly to the eye, and in that order without colour, too. */

const STOPS: readonly number[][] = [
  [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85],
  [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164],
];
const PICTURE_LIGHT = 0.45;

/** 256 colours, three bytes each. */
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

/** A grey picture in the colours of the scale; where it is dark the picture under it is seen. */
function coloured(grey: ImageBitmap): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = grey.width;
  canvas.height = grey.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return canvas;
  context.drawImage(grey, 0, 0);
  const image = context.getImageData(0, 0, grey.width, grey.height);
  const { data } = image;
  for (let at = 0; at < data.length; at += 4) {
    const level = data[at] ?? 0;
    for (let channel = 0; channel < 3; channel++) data[at + channel] = TABLE[3 * level + channel] ?? 0;
    data[at + 3] = 80 + (level * 165) / 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

type Box = [x: number, y: number, width: number, height: number];

/** Draws a picture dimmed, and the gradient's size over it. */
export function drawHeat(context: CanvasRenderingContext2D, picture: ImageBitmap, grey: ImageBitmap, box: Box): void {
  context.fillStyle = "#000";
  context.fillRect(...box);
  context.globalAlpha = PICTURE_LIGHT;
  context.drawImage(picture, ...box);
  context.globalAlpha = 1;
  context.drawImage(coloured(grey), ...box);
}
