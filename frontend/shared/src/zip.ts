/** Reads ZIP archives without compression, the form of saved runs.
 *
 * fflate reads these, too, but does not compare checksums and accepts a file with a changed byte. */

/** The bytes are not such an archive, or damaged; the message says how. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

const END = { signature: 0x06054b50, size: 22, longestComment: 0xffff };
const ENTRY = { signature: 0x02014b50, size: 46 };
const LOCAL = { signature: 0x04034b50, size: 30 };
const STORED = 0;

/** The archive's parts by name. Their checksums are verified. */
export function unzip(bytes: Uint8Array<ArrayBuffer>): Map<string, Uint8Array<ArrayBuffer>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  const parts = new Map<string, Uint8Array<ArrayBuffer>>();
  let at = view.getUint32(end + 16, true);
  // Parts that overlap were made to be larger than their archive, and take long to check.
  let unread = bytes.length;
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    expect(at + ENTRY.size <= end && view.getUint32(at, true) === ENTRY.signature, "its list of parts is damaged");
    const nameLength = view.getUint16(at + 28, true);
    const rest = view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const name = new TextDecoder().decode(bytes.subarray(at + ENTRY.size, at + ENTRY.size + nameLength));
    unread -= view.getUint32(at + 20, true);
    expect(unread >= 0, "its parts are larger than the file");
    parts.set(name, part(bytes, view, at, name));
    at += ENTRY.size + nameLength + rest;
  }
  return parts;
}

function findEnd(view: DataView): number {
  const last = view.byteLength - END.size;
  for (let at = last; at >= Math.max(0, last - END.longestComment); at--) {
    if (view.getUint32(at, true) === END.signature) return at;
  }
  throw new DamagedError("its end is missing");
}

function part(bytes: Uint8Array<ArrayBuffer>, view: DataView, entry: number, name: string): Uint8Array<ArrayBuffer> {
  expect(view.getUint16(entry + 10, true) === STORED, `its part ${name} is packed`);
  const size = view.getUint32(entry + 20, true);
  const local = view.getUint32(entry + 42, true);
  const damaged = `its part ${name} is damaged`;
  expect(local + LOCAL.size <= bytes.length && view.getUint32(local, true) === LOCAL.signature, damaged);
  const start = local + LOCAL.size + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  expect(start + size <= bytes.length, damaged);
  const content = bytes.subarray(start, start + size);
  expect(checksum(content) === view.getUint32(entry + 16, true), damaged);
  return content;
}

function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new DamagedError(otherwise);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32. */
export function checksum(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}
