/** Reads runs that were saved as `.rwtrace`. A file may come from anybody, so all of it is checked. As `reading.py`. */
import { contextOf, createCanvas } from "@robust-widgets/shared/dom";
import { OtherVersionError, readRun, type SavedRun } from "@robust-widgets/shared/savedRun";
import type { Mask, ParameterValue, Pictures, RunFrame } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import { unzip } from "@robust-widgets/shared/zip";
import { rgbOf } from "../painting/pictures";
import { layoutOf } from "../runs/playback";
import { Trace, type RunInputs } from "../runs/trace";
import { InputError } from "../studio/problems";
import { numbersOf, readNpz, type NumpyArray } from "./npy";

type Bytes = Uint8Array<ArrayBuffer>;

const MOST_BYTES = 256 * 1024 * 1024;

/** @throws InputError it is no saved run, is damaged, or was saved by another version */
export async function readArchive(bytes: Bytes, name: string): Promise<Trace> {
  try {
    return await rebuild(readRun(bytes), unzip(bytes));
  } catch (error) {
    if (error instanceof OtherVersionError) {
      throw new InputError(say("%1 was saved by another version of robust-widgets; use that one to play it.", name));
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(say("%1 is not a saved run, or it is damaged or cut short (%2).", name, reason));
  }
}

async function rebuild(saved: SavedRun, parts: Map<string, Bytes>): Promise<Trace> {
  const { size, pictures, run } = saved;
  const { count, width, height } = size;
  const bytes = pictures.length * count * width * height * 3;
  if (bytes > MOST_BYTES) throw new Error("it unpacks to more than this page can hold");
  const arrays = await readNpz(parts.get("arrays.npz") ?? new Uint8Array(), MOST_BYTES - bytes);
  const column = (name: string) => rowsOf(arrays.get(name), name, pictures.length, count);
  const [loss, probability, distance] = [column("loss"), column("probability"), column("distance")];
  const seconds = rowsOf(arrays.get("seconds"), "seconds", pictures.length, 1);
  const probabilities = sparse(arrays, "probabilities");
  const gradients = sparse(arrays, "gradient");
  const frames: RunFrame[] = [];
  for (const [step, file] of pictures.entries()) {
    const [likely, heat] = [probabilities.get(step), gradients.get(step)];
    frames.push({
      step,
      pictures: await untiled(file, size),
      loss: loss[step] ?? [],
      probability: probability[step] ?? [],
      distance: distance[step] ?? [],
      seconds: seconds[step]?.[0] ?? 0,
      probabilities: likely ? new Float32Array(likely.buffer) : null,
      gradient: heat?.length === count * width * height ? heat : null,
    });
  }
  const { header, radius } = headerOf(parts);
  const description = {
    task: saved.task,
    parameters: Object.fromEntries(saved.knobs) as Record<string, ParameterValue>,
    seed: saved.seed,
    model: saved.model,
    fingerprint: saved.fingerprint,
    target: run.title,
    classes: header,
    radius,
  };
  return new Trace(description, inputsOf(arrays), frames);
}

function headerOf(parts: Map<string, Bytes>): { header: string[]; radius: number | null } {
  const { header } = JSON.parse(new TextDecoder().decode(parts.get("run.json"))) as { header: Record<string, unknown> };
  const { classes, radius } = header;
  const names = Array.isArray(classes) ? classes.filter((name) => typeof name === "string") : [];
  return { header: names, radius: typeof radius === "number" ? radius : null };
}

function rowsOf(array: NumpyArray | undefined, name: string, rows: number, columns: number): number[][] {
  const numbers = array ? numbersOf(array) : [];
  if (numbers.length !== rows * columns) throw new Error(`its ${name} cannot be read`);
  return Array.from({ length: rows }, (_, row) => numbers.slice(row * columns, (row + 1) * columns));
}

/** Arrays that only some frames have, by step. */
function sparse(arrays: Map<string, NumpyArray>, name: string): Map<number, Bytes> {
  const [array, steps] = [arrays.get(name), arrays.get(`${name}_steps`)];
  if (!array || !steps) return new Map();
  const rows = numbersOf(steps);
  const length = array.bytes.length / rows.length;
  return new Map(rows.map((step, row) => [step, array.bytes.slice(row * length, (row + 1) * length)]));
}

function inputsOf(arrays: Map<string, NumpyArray>): RunInputs {
  const [picture, mask, start] = ["picture", "mask", "start"].map((name) => arrays.get(`input_${name}`));
  return {
    ...(picture && { picture: picturesOf({ ...picture, shape: [1, ...picture.shape] }) }),
    ...(mask && { mask: maskOf(mask) }),
    ...(start && { start: picturesOf(start) }),
  };
}

function picturesOf({ shape, bytes }: NumpyArray): Pictures {
  const [count = 0, height = 0, width = 0, channels = 0] = shape;
  if (channels !== 3 || !bytes.length) throw new Error("its picture has another form");
  return { count, height, width, pixels: bytes };
}

function maskOf({ shape, bytes }: NumpyArray): Mask {
  const [height = 0, width = 0] = shape;
  return { height, width, levels: bytes };
}

/** The pictures of one step, cut from their grid. */
async function untiled(file: Bytes, { count, width, height }: SavedRun["size"]): Promise<Pictures> {
  const bitmap = await createImageBitmap(new Blob([file], { type: "image/png" }), { colorSpaceConversion: "none" });
  const { canvas } = createCanvas(bitmap.width, bitmap.height, { willReadFrequently: true });
  const context = contextOf(canvas);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const [, columns] = layoutOf(count);
  const pixels = new Uint8Array(count * width * height * 3);
  for (let index = 0; index < count; index++) {
    const [left, top] = [(index % columns) * width, Math.floor(index / columns) * height];
    pixels.set(rgbOf(context.getImageData(left, top, width, height).data), index * width * height * 3);
  }
  return { count, width, height, pixels };
}
