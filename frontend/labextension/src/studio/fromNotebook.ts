/** What an output of a notebook or a console holds for a studio: a run, or a picture. */
import { PathExt } from "@jupyterlab/coreutils";
import type { Kernel } from "@jupyterlab/services";
import { RunOutput } from "../output/output";
import type { OutputRun } from "../output/read";
import { pack, piece } from "./code";
import { fromBase64, type Delivery } from "./delivery";
import type { Host } from "./host";
import { isAlive, valueOf } from "./kernel";

/** A kernel that is at work does not answer; then what the output itself keeps will do. */
const MOST_MILLISECONDS = 10_000;
const PICTURE = /^(data:image\/(png|jpe?g|webp|gif|bmp)[;,]|blob:)/;
/** Studios, views and players of ours, whose pictures are not outputs. */
const OURS = ".rw-tab, .rw-view, .rw-pad, .rw-compare, .rw-training, .rw-palette";

export type Found = { run: OutputRun; node: HTMLElement } | { picture: HTMLImageElement };

/** What is at an element of an output, which may be inside of it. */
export function foundAt(node: HTMLElement | undefined): Found | undefined {
  const output = node?.closest<HTMLElement>(".rw-output");
  const run = RunOutput.at(output)?.run;
  if (output && run) return { run, node: output };
  return node instanceof HTMLImageElement &&
    PICTURE.test(node.src) &&
    node.closest(".jp-OutputArea") &&
    !node.closest(OURS)
    ? { picture: node }
    : undefined;
}

/** The first in a cell. */
export function foundIn(cell: Element | null): Found | undefined {
  for (const node of cell?.querySelectorAll<HTMLElement>(".jp-OutputArea :is(.rw-output, img)") ?? []) {
    const found = foundAt(node);
    if (found) return found;
  }
  return undefined;
}

/** @throws Error a picture's address leads nowhere */
export async function deliveryOf(found: Found, host: Host | undefined): Promise<Delivery> {
  if ("picture" in found) return { name: "picture", bytes: await bytesOf(found.picture.src) };
  const { told, run } = found.run;
  const kernel = host?.sessionContext.session?.kernel;
  const whole = isAlive(kernel) ? await fetchWhole(told.name, kernel) : undefined;
  if (whole) return { name: "run.rwtrace", bytes: whole };
  return { name: "run.json", bytes: new TextEncoder().encode(JSON.stringify({ told, run })) };
}

/** The run as the kernel that made it has it, to the bit; undefined where that does not know it any more. */
async function fetchWhole(name: string, kernel: Kernel.IKernelConnection): Promise<Uint8Array | undefined> {
  const count = Number((await valueOf(kernel, pack(name), MOST_MILLISECONDS)) ?? 0);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let index = 0; index < count; index++) {
    const literal = await valueOf(kernel, piece(name, index), MOST_MILLISECONDS);
    if (!literal || literal.length <= 2) return undefined;
    pieces.push(fromBase64(literal.slice(1, -1)));
  }
  return count ? new Uint8Array(await new Blob(pieces).arrayBuffer()) : undefined;
}

async function bytesOf(address: string): Promise<Uint8Array> {
  const [head, base64] = address.split(";base64,", 2);
  if (head?.startsWith("data:") && base64 !== undefined) return fromBase64(decodeURIComponent(base64));
  return new Uint8Array(await (await fetch(address)).arrayBuffer());
}

/** The element that holds it. */
export const nodeOf = (found: Found): HTMLElement => ("run" in found ? found.node : found.picture);

/** What the studio's tab is called after. */
export const aboutOf = (found: Found, path: string): string =>
  "run" in found ? found.run.run.title || found.run.run.task : PathExt.basename(path);
