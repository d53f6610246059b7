/** Runs as `.rwtrace` files, which `rw.load_trace` and JupyterLab read. As `files.py`. */
import type { RunFrame } from "@robust-widgets/shared/session";
import { curvesOf, evenly, tiled } from "../runs/playback";
import type { Trace } from "../runs/trace";
import { bytesArray, doubleArray, floatArray, npz, wholeArray, type NumpyArray } from "./npy";
import { png } from "./png";
import { zip } from "./zip";

type Bytes = Uint8Array<ArrayBuffer>;

/** A run of at least one frame as a file. */
export async function archive(trace: Trace): Promise<Bytes> {
  const { description, frames } = trace;
  const [first] = frames;
  if (!first) throw new Error("the run has no frames");
  const { task, parameters, seed, model, fingerprint, target, classes, radius } = description;
  const { count, height, width } = first.pictures;
  const run = {
    format: "robust-widgets run",
    version: 1,
    header: { task, knobs: parameters, seed, model, fingerprint, target, classes, radius },
    frames: frames.length,
    pictures: { count, height, width },
    curves: curvesOf(trace, evenly(frames.length, frames.length)),
  };
  const parts = new Map<string, Bytes>([["run.json", new TextEncoder().encode(JSON.stringify(run))]]);
  for (const [step, frame] of frames.entries()) parts.set(frameName(step), await png(tiled(frame.pictures)));
  parts.set("arrays.npz", await npz(arraysOf(trace, frames, count)));
  return zip(parts);
}

export const frameName = (step: number): string => `frames/${String(step).padStart(5, "0")}.png`;

function arraysOf({ inputs }: Trace, frames: readonly RunFrame[], count: number): Record<string, NumpyArray> {
  const perPicture = (column: "loss" | "probability" | "distance") =>
    doubleArray(
      frames.flatMap((frame) => [...frame[column]]),
      [frames.length, count],
    );
  const arrays: Record<string, NumpyArray> = {
    seconds: doubleArray(
      frames.map(({ seconds }) => seconds),
      [frames.length],
    ),
    loss: perPicture("loss"),
    probability: perPicture("probability"),
    distance: perPicture("distance"),
  };
  const known = frames.flatMap(({ probabilities, step }) => (probabilities ? [{ step, values: probabilities }] : []));
  const [firstKnown] = known;
  if (firstKnown) {
    const all = new Float32Array(known.length * firstKnown.values.length);
    known.forEach(({ values }, index) => all.set(values, index * firstKnown.values.length));
    arrays["probabilities"] = floatArray(all, [known.length, count, firstKnown.values.length / count]);
    arrays["probabilities_steps"] = wholeArray(known.map(({ step }) => step));
  }
  const heats = frames.flatMap(({ gradient, pictures, step }) => (gradient ? [{ step, gradient, pictures }] : []));
  const [heat] = heats;
  if (heat) {
    const all = new Uint8Array(heats.length * heat.gradient.length);
    heats.forEach(({ gradient }, index) => all.set(gradient, index * heat.gradient.length));
    arrays["gradient"] = bytesArray(all, [heats.length, count, heat.pictures.height, heat.pictures.width]);
    arrays["gradient_steps"] = wholeArray(heats.map(({ step }) => step));
  }
  const { picture, mask, start } = inputs;
  if (picture) arrays["input_picture"] = bytesArray(picture.pixels, [picture.height, picture.width, 3]);
  if (mask) arrays["input_mask"] = bytesArray(mask.levels, [mask.height, mask.width]);
  if (start) arrays["input_start"] = bytesArray(start.pixels, [start.count, start.height, start.width, 3]);
  return arrays;
}
