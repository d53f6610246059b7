/** Pictures and runs on their way from a notebook to a studio.
 *
 * A studio in a tab has a kernel of its own. What it is handed goes as bytes in messages to that kernel: nothing is made
 * smaller on the way, no file is left beside the notebook, in the history or in the workspace, and it works where the
 * server's files are read-only or the kernels run on another machine. It goes in pieces, since a server refuses messages
 * over 10 MiB. */
import type { Kernel } from "@jupyterlab/services";
import { bring } from "./code";

/** Of a piece at most, before base64 makes a third more of it. */
const PIECE_BYTES = 3_000_000;

export interface Delivery {
  /** By its ending the kernel knows what comes. */
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

/** Answers when the kernel has all of it.
 * @throws Error what the kernel said instead */
export async function deliver(delivery: Delivery, kernel: Kernel.IKernelConnection): Promise<void> {
  for (const code of messages(delivery)) {
    const { content } = await kernel.requestExecute({ code, silent: true, store_history: false }).done;
    if (content.status === "error") throw new Error(content.evalue || content.ename);
    if (content.status !== "ok") throw new Error(content.status);
  }
}

const AT_ONCE = 0x8000;

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += AT_ONCE)
    parts.push(String.fromCharCode(...bytes.subarray(at, at + AT_ONCE)));
  return btoa(parts.join(""));
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
