/** The messages between a notebook's kernel and the page that computes its runs, as in
 * `robust_widgets/interface/page_messages.py`. Arrays are raw bytes beside a message. */
import type { Buffers } from "@robust-widgets/shared/model";
import type { Mask, ParameterValues, Pictures, RunFrame, RunRequest } from "@robust-widgets/shared/session";

interface ArrayShape {
  readonly dtype: "uint8" | "float32" | "float64";
  readonly shape: readonly number[];
}

type Arrays = Readonly<Record<string, ArrayShape>>;

/** What the kernel says to the page of this name. */
export type FromKernel = { readonly page: string; readonly arrays: Arrays } & (
  | { readonly kind: "file"; readonly name: string; readonly gzip: boolean; readonly count: number }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly task: string;
      readonly target: string;
      readonly parameters: ParameterValues;
    }
  | { readonly kind: "stop" | "ping"; readonly id: number }
);

/** What this page says, without its name. */
export type ToKernel =
  | { readonly kind: "hello" | "bye" | "files" }
  /** `answers` is the number of a ping, or 0. */
  | { readonly kind: "alive"; readonly answers: number }
  | { readonly kind: "loaded"; readonly message: string; readonly details: string }
  | { readonly kind: "begun"; readonly id: number }
  | { readonly kind: "frame"; readonly id: number; readonly step: number; readonly seconds: number }
  | {
      readonly kind: "ended";
      readonly id: number;
      readonly state: "done" | "stopped" | "failed";
      readonly message: string;
      readonly details: string;
    };

export type Outgoing = ToKernel & { readonly page: string; readonly arrays: Arrays };

/** The request of a run, with its pictures. */
export function requestOf(message: FromKernel & { kind: "run" }, buffers: Buffers): RunRequest {
  const { task, target, parameters } = message;
  const places = Object.keys(message.arrays);
  const find = (name: string) => {
    const [shape, buffer] = [message.arrays[name]?.shape, buffers[places.indexOf(name)]];
    return shape && buffer && { shape, bytes: bytesOf(buffer).slice() };
  };
  const [picture, mask, start] = [find("picture"), find("mask"), find("start")];
  return {
    task,
    target,
    parameters,
    ...(picture && { picture: picturesOf([1, ...picture.shape], picture.bytes) }),
    ...(start && { start: picturesOf(start.shape, start.bytes) }),
    ...(mask && { mask: maskOf(mask.shape, mask.bytes) }),
  };
}

function picturesOf([count = 0, height = 0, width = 0]: readonly number[], pixels: Uint8Array): Pictures {
  return { count, height, width, pixels };
}

function maskOf([height = 0, width = 0]: readonly number[], levels: Uint8Array): Mask {
  return { height, width, levels };
}

export function bytesOf({ buffer, byteOffset, byteLength }: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The arrays of a frame: their shapes, and their bytes in the same order. */
export function arraysOf(frame: RunFrame): { arrays: Arrays; buffers: ArrayBuffer[] } {
  const { pictures, loss, probability, distance, probabilities, gradient } = frame;
  const { count, height, width, pixels } = pictures;
  const numbers = Float64Array.from([...loss, ...probability, ...distance]);
  const parts: [string, ArrayShape, ArrayBufferView][] = [
    ["pixels", { dtype: "uint8", shape: [count, height, width, 3] }, pixels],
    ["numbers", { dtype: "float64", shape: [3, count] }, numbers],
  ];
  if (probabilities) {
    const shape = [count, probabilities.length / count];
    parts.push(["probabilities", { dtype: "float32", shape }, probabilities]);
  }
  if (gradient) parts.push(["gradient", { dtype: "uint8", shape: [count, height, width] }, gradient]);
  return {
    arrays: Object.fromEntries(parts.map(([name, shape]) => [name, shape])),
    buffers: parts.map(
      ([, , { buffer, byteOffset, byteLength }]) => new Uint8Array(buffer, byteOffset, byteLength).slice().buffer,
    ),
  };
}
