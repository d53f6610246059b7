/** Writes ZIP archives, as Python's `zipfile` reads them. */
import { checksum } from "@robust-widgets/shared/zip";
import { deflated } from "./deflate";

type Bytes = Uint8Array<ArrayBuffer>;

const STORED = 0;
const DEFLATED = 8;
const VERSION = 20;
/** 1 January 1980, so that equal runs give equal bytes. */
const DATE = 0x21;

/** @param isPacked whether the parts are compressed */
export async function zip(parts: ReadonlyMap<string, Bytes>, isPacked = false): Promise<Bytes> {
  const body: Bytes[] = [];
  const list: Bytes[] = [];
  let place = 0;
  for (const [name, content] of parts) {
    const title = new TextEncoder().encode(name);
    const packed = isPacked ? await deflated(content, "deflate-raw") : content;
    const facts = [
      [2, VERSION],
      [2, 0],
      [2, isPacked ? DEFLATED : STORED],
      [2, 0],
      [2, DATE],
      [4, checksum(content)],
      [4, packed.length],
      [4, content.length],
      [2, title.length],
      [2, 0],
    ] as const;
    const head = fields([4, 0x04034b50], ...facts);
    body.push(head, title, packed);
    const rest = [...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]] as const;
    list.push(fields([4, 0x02014b50], [2, VERSION], ...rest), title);
    place += head.length + title.length + packed.length;
  }
  const size = list.reduce((sum, { length }) => sum + length, 0);
  const count = parts.size;
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, place], [2, 0]);
  return new Uint8Array(await new Blob([...body, ...list, end]).arrayBuffer());
}

/** Little-endian numbers, one after the other. */
function fields(...values: readonly (readonly [bytes: 2 | 4, value: number])[]): Bytes {
  const view = new DataView(new ArrayBuffer(values.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of values) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}
