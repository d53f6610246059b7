/** Loads the files of a page, and checks that they arrived whole. */
import { UserError } from "./errors";

/** How long a file and what is in it are, according to the manifest. */
export interface Content {
  readonly length: number;
  /** Of its bytes, in hexadecimal digits. */
  readonly sha256: string;
}

/** A download that brings nothing for so long has ended. */
const STALLED_MS = 60_000;

/** The bytes of a file.
 *
 * @param content what it should have; a file with another one is asked for once more, past all caches */
export async function download(address: URL, content?: Content): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await fetchAll(address, "default");
  if (!content || (await hasContent(bytes, content))) return bytes;
  const again = await fetchAll(address, "reload");
  if (await hasContent(again, content)) return again;
  throw damaged(address);
}

async function fetchAll(address: URL, cache: RequestCache): Promise<Uint8Array<ArrayBuffer>> {
  const name = nameOf(address);
  const stopping = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stopping.abort(), STALLED_MS);
  };
  wait();
  try {
    const response = await fetch(address, { cache, signal: stopping.signal });
    if (response.ok) return await readAll(response, wait);
    const { status } = response;
    throw new UserError("download-missing", `${name} is missing on the server (${status}); upload the whole folder.`, {
      name,
      status,
    });
  } catch (error) {
    if (error instanceof UserError || error instanceof RangeError) throw error; // short of memory
    throw cut(name);
  } finally {
    clearTimeout(timer);
  }
}

/** All bytes of an answer; calls `arrived` for each part. */
async function readAll(response: Response, arrived: () => void): Promise<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  if (!reader) return new Uint8Array(await response.arrayBuffer());
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    arrived();
    parts.push(part.value);
    length += part.value.length;
  }
  const whole = new Uint8Array(length);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** Whether bytes are what they should be; without encryption, browsers cannot compute digests, and lengths decide. */
async function hasContent(bytes: Uint8Array<ArrayBuffer>, { length, sha256 }: Content): Promise<boolean> {
  if (bytes.length !== length) return false;
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (!subtle) return true;
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

/** The error for a download that did not end. */
export function cut(name: string): UserError {
  return new UserError("download-cut", `${name} could not be downloaded; check the connection, then try again.`, {
    name,
  });
}

/** The error for a file with another content than it should have. */
export function damaged(address: URL): UserError {
  const name = nameOf(address);
  return new UserError("file-damaged", `${name} is damaged; try again, or upload the whole folder again.`, { name });
}

function nameOf(address: URL): string {
  return address.pathname.split("/").pop() ?? address.pathname;
}
