/** What a run of anybody may hold, as in `robust_widgets/pictures/limits.py` and `robust_widgets/runs/schema.py`. */

export const LARGEST_SIDE = 10_000;
export const LARGEST_PIXELS = 64_000_000;
export const MOST_PICTURES = 1024;
/** The longest side of a picture in a notebook's output is 320 pixels. */
const LARGEST_OUTPUT_SIDE = 1024;
const LONGEST_NAME = 1000;
const MOST_PARAMETERS = 100;
/** Where a JPEG's size is, in letters of base64: after its tables, which take some hundred bytes. */
const JPEG_HEAD = 4096;

export const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
export const HEXADECIMAL = /^[0-9a-f]{0,128}$/;

export const isWhole = (value: unknown, least: number, most: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;

export const isText = (value: unknown, pattern = /^/): value is string =>
  typeof value === "string" && value.length <= LONGEST_NAME && pattern.test(value);

/** Whether a run's parameters have plain names and plain values. */
export function areParameters(values: Record<string, unknown>): boolean {
  const entries = Object.entries(values);
  const isPlain = (value: unknown) =>
    value === null || typeof value === "number" || typeof value === "boolean" || isText(value);
  return entries.length <= MOST_PARAMETERS && entries.every(([name, value]) => NAME.test(name) && isPlain(value));
}

/** Whether a JPEG in base64 tells a size that an output's pictures have. */
export function isSmallJpeg(base64: string): boolean {
  let head: string;
  try {
    head = atob(base64.slice(0, JPEG_HEAD));
  } catch {
    return false;
  }
  const pair = (at: number) => (head.charCodeAt(at) << 8) | head.charCodeAt(at + 1);
  if (pair(0) !== 0xffd8) return false;
  for (let at = 2; at + 9 <= head.length; at += 2 + pair(at + 2)) {
    const marker = pair(at);
    // The start of a frame; three markers in this range are tables.
    if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
      return [pair(at + 5), pair(at + 7)].every((side) => side >= 1 && side <= LARGEST_OUTPUT_SIDE);
    }
    if (marker < 0xffc0) return false;
  }
  return false;
}
