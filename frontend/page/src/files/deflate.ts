/** Compression, by the browser. */

export const deflated = (
  bytes: Uint8Array<ArrayBuffer>,
  format: "deflate" | "deflate-raw",
): Promise<Uint8Array<ArrayBuffer>> => through(bytes, new CompressionStream(format));

/** @param most bytes; more are refused, because a damaged or hostile file may claim any number */
export const inflated = (bytes: Uint8Array<ArrayBuffer>, most: number): Promise<Uint8Array<ArrayBuffer>> =>
  through(bytes, new DecompressionStream("deflate-raw"), most);

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
  most = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    length += next.value.length;
    if (length > most) throw new Error("it unpacks to more than it says");
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
