/** Runs and pictures in the outputs of notebooks and consoles that a studio can open. */
import { PathExt } from "@jupyterlab/coreutils";
import type { Kernel } from "@jupyterlab/services";
import { RunOutput } from "../output/output";
import type { OutputRun } from "../output/read";
import { pack, piece } from "./code";
import { fromBase64, type Delivery } from "./delivery";
import type { Host } from "./host";
import { isAlive, valueOf } from "./kernel";

/** A busy kernel does not answer in time; then the copy in the output is used. */
const TIMEOUT_MS = 10_000;
const PICTURE = /^(data:image\/(png|jpe?g|webp|gif|bmp)[;,]|blob:)/;
/** Our own widgets, whose pictures are not outputs. */
const OURS = ".rw-tab, .rw-view, .rw-pad, .rw-compare, .rw-training, .rw-palette";

export type Source = { run: OutputRun; node: HTMLElement } | { picture: HTMLImageElement };

/** The run or picture that contains an element. */
export function sourceAt(node: HTMLElement | undefined): Source | undefined {
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

/** The first run or picture in a cell. */
export function sourceIn(cell: Element | null): Source | undefined {
  for (const node of cell?.querySelectorAll<HTMLElement>(".jp-OutputArea :is(.rw-output, img)") ?? []) {
    const source = sourceAt(node);
    if (source) return source;
  }
  return undefined;
}

/** @throws Error if the picture's URL cannot be read */
export async function deliveryOf(source: Source, host: Host | undefined): Promise<Delivery> {
  if ("picture" in source) return { name: "picture", bytes: await bytesOf(source.picture.src) };
  const { info, run } = source.run;
  const kernel = host?.sessionContext.session?.kernel;
  const exact = isAlive(kernel) ? await fetchExact(info.name, kernel) : undefined;
  if (exact) return { name: "run.rwtrace", bytes: exact };
  return { name: "run.json", bytes: new TextEncoder().encode(JSON.stringify({ told: info, run })) };
}

/** The exact run from the kernel that created it; undefined if the kernel no longer has it. */
async function fetchExact(name: string, kernel: Kernel.IKernelConnection): Promise<Uint8Array | undefined> {
  const count = Number((await valueOf(kernel, pack(name), TIMEOUT_MS)) ?? 0);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let index = 0; index < count; index++) {
    const literal = await valueOf(kernel, piece(name, index), TIMEOUT_MS);
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

/** The element of a source. */
export const nodeOf = (source: Source): HTMLElement => ("run" in source ? source.node : source.picture);

/** The name for the studio's tab. */
export const aboutOf = (source: Source, path: string): string =>
  "run" in source ? source.run.run.title || source.run.run.task : PathExt.basename(path);
