/** Sends pictures and runs from a notebook to a studio.
 *
 * A studio in a tab has a kernel of its own, which receives the original bytes in messages. Nothing is written to a file,
 * the history or the workspace, so it also works with a read-only server or kernels on another machine. Servers refuse
 * messages over 10 MiB, hence the pieces. */
import type { Kernel } from "@jupyterlab/services";
import { bring } from "./code";

/** Before base64, which adds a third. */
const PIECE_BYTES = 3_000_000;

export interface Delivery {
  /** Its extension is the type of the content. */
  name: string;
  bytes: Uint8Array;
}

/** The code of each message. */
export function* messages({ name, bytes }: Delivery, most = PIECE_BYTES): Generator<string> {
  const count = Math.max(1, Math.ceil(bytes.length / most));
  for (let index = 0; index < count; index++) {
    const piece = bytes.subarray(index * most, (index + 1) * most);
    yield bring(name, index, count, toBase64(piece));
  }
}

/** Resolves once the kernel has received everything.
 * @throws Error the kernel's error */
export async function deliver(delivery: Delivery, kernel: Kernel.IKernelConnection): Promise<void> {
  for (const code of messages(delivery)) {
    const { content } = await kernel.requestExecute({ code, silent: true, store_history: false }).done;
    if (content.status === "error") throw new Error(content.evalue || content.ename);
    if (content.status !== "ok") throw new Error(content.status);
  }
}

/** The most arguments of a function call that all browsers take. */
const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  return btoa(parts.join(""));
}

/** The bytes of base64, which a run may have hundreds of millions of. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text);
  // Not Uint8Array.from, which collects the letters in a list first: the page of a run of 150 MB crashed.
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
}
