/** The colours of a picture, by a variance cut: the box of colours with the largest error is split, and each gives its mean. */

type Color = [red: number, green: number, blue: number];
/** One of many similar colours: the sums of its channels, and how many pixels have it. */
interface Cell {
  sum: Color;
  count: number;
}

/** Colours that differ only in their lowest bits are one. */
const BITS = 5;
const CHANNELS = [0, 1, 2] as const;

/** At most `most` colours of a picture, from dark to light, as "#rrggbb".
 *
 * @param pixels red, green, blue and alpha of each pixel; transparent ones do not count */
export function colorsOf(pixels: ArrayLike<number>, most: number): string[] {
  const boxes: Cell[][] = [cellsOf(pixels)];
  if (!boxes[0]?.length) return [];
  while (boxes.length < most) {
    const spreads = boxes.map((box) => widest(box));
    const worst = spreads.reduce((best, { error }, index) => (error > (spreads[best]?.error ?? 0) ? index : best), 0);
    const box = boxes[worst];
    const spread = spreads[worst];
    if (!box || !spread?.error) break;
    boxes.splice(worst, 1, ...split(box, spread.channel, spread.mean));
  }
  const light = ([red, green, blue]: Color) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return boxes
    .map(meanOf)
    .sort((a, b) => light(a) - light(b))
    .map((color) => `#${color.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`);
}

function cellsOf(pixels: ArrayLike<number>): Cell[] {
  const cells = new Map<number, Cell>();
  for (let at = 0; at < pixels.length; at += 4) {
    if ((pixels[at + 3] ?? 0) < 128) continue;
    let key = 0;
    for (const channel of CHANNELS) key = (key << BITS) | ((pixels[at + channel] ?? 0) >> (8 - BITS));
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = { sum: [0, 0, 0], count: 0 }));
    for (const channel of CHANNELS) cell.sum[channel] += pixels[at + channel] ?? 0;
    cell.count++;
  }
  return [...cells.values()];
}

function meanOf(box: readonly Cell[]): Color {
  const count = box.reduce((sum, cell) => sum + cell.count, 0);
  return CHANNELS.map((channel) => box.reduce((sum, cell) => sum + cell.sum[channel], 0) / count) as Color;
}

/** The channel in which a box is widest, and its squared error there. */
function widest(box: readonly Cell[]): { channel: 0 | 1 | 2; mean: number; error: number } {
  const mean = meanOf(box);
  return CHANNELS.map((channel) => ({
    channel,
    mean: mean[channel],
    error: box.reduce((sum, { sum: own, count }) => sum + count * (own[channel] / count - mean[channel]) ** 2, 0),
  })).reduce((best, other) => (other.error > best.error ? other : best));
}

/** Splits a box at the mean, which keeps small areas of a colour of their own, unlike the median. */
function split(box: readonly Cell[], channel: 0 | 1 | 2, mean: number): [Cell[], Cell[]] {
  const isBelow = ({ sum, count }: Cell) => sum[channel] / count < mean;
  return [box.filter(isBelow), box.filter((cell) => !isBelow(cell))];
}
