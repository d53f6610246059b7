/** Pictures as PNG files of RGB, without loss: browsers write RGBA, which a saved run must not hold. */
import type { Pictures } from "@robust-widgets/shared/session";
import { checksum } from "@robust-widgets/shared/zip";
import { deflated } from "./deflate";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const RGB = 2;
const SUB = 1;

/** One picture as a PNG file. */
export async function png({ width, height, pixels }: Pictures): Promise<Uint8Array<ArrayBuffer>> {
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint8(8, 8);
  head.setUint8(9, RGB);
  const rows = new Uint8Array(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    const [from, to] = [3 * width * y, y * (1 + 3 * width)];
    rows[to] = SUB; // each byte as the difference to the pixel before compresses better
    for (let x = 0; x < 3 * width; x++)
      rows[to + 1 + x] = (pixels[from + x] ?? 0) - (x < 3 ? 0 : (pixels[from + x - 3] ?? 0));
  }
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", new Uint8Array(head.buffer)),
    chunk("IDAT", await deflated(rows, "deflate")),
    chunk("IEND", new Uint8Array()),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function chunk(name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, checksum(bytes.subarray(4, 8 + content.length)));
  return bytes;
}
