/** Makes the archives that the tests read. */
import { checksum } from "../src/zip";

const encode = (text: string) => new TextEncoder().encode(text);

/** The head of a PNG of this size, and a text instead of its pixels. */
export const png = (width: number, height: number, text = ""): string =>
  "\x7fPNG\r\n\x1a\n\0\0\0\rIHDR" + [width, height].map(bigEndian).join("") + text;

/** In seven-bit bytes, so that the text is encoded as it is. */
const bigEndian = (value: number): string => String.fromCharCode(0, 0, value >>> 8, value & 0x7f);

/** A ZIP archive of stored parts. */
export function zip(parts: Record<string, string>): Uint8Array<ArrayBuffer> {
  const [body, list]: [number[], number[]] = [[], []];
  for (const [name, text] of Object.entries(parts)) {
    const [title, content] = [encode(name), encode(text)];
    const shared = [
      ...[10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      ...word(checksum(content)),
      ...word(content.length),
      ...word(content.length),
      ...half(title.length),
      ...half(0),
    ];
    const place = body.length;
    body.push(...encode("PK\x03\x04"), ...shared, ...title, ...content);
    list.push(
      ...encode("PK\x01\x02"),
      20,
      3,
      ...shared,
      ...half(0),
      ...half(0),
      ...half(0),
      ...word(0),
      ...word(place),
    );
    list.push(...title);
  }
  const count = half(Object.keys(parts).length);
  const end = [
    ...encode("PK\x05\x06"),
    0,
    0,
    0,
    0,
    ...count,
    ...count,
    ...word(list.length),
    ...word(body.length),
    0,
    0,
  ];
  return Uint8Array.from([...body, ...list, ...end]);
}

const half = (value: number) => [value & 0xff, value >>> 8];
const word = (value: number) => [...half(value & 0xffff), ...half(value >>> 16)];

export const SAVED = {
  format: "robust-widgets run",
  version: 1,
  frames: 2,
  pictures: { count: 1, height: 8, width: 8 },
  header: {
    task: "sketch_to_image",
    knobs: { steps: 1, epsilon: 40, seed: 3 },
    seed: 3,
    model: "default",
    fingerprint: "0123456789abcdef",
    target: "größer",
    classes: ["dog", "größer"],
    radius: 12.5,
  },
  curves: {
    steps: [0, 1],
    loss: [2.5, null],
    probability: [0.25, 0.75],
    distance: [0, 40],
    top: [],
    radius: 40,
  },
};

/** A saved run, with something else in its run.json, and without some of its parts. */
export function archive(change: object = {}, without: string[] = [], others = {}): Uint8Array<ArrayBuffer> {
  const parts: Record<string, string> = {
    "run.json": JSON.stringify({ ...SAVED, ...change }),
    "frames/00000.png": png(8, 8, "first"),
    "frames/00001.png": png(8, 8, "second"),
    "arrays.npz": "numbers",
    ...others,
  };
  return zip(Object.fromEntries(Object.entries(parts).filter(([name]) => !without.includes(name))));
}
