/**
 * Larger pictures, painted coarse to fine: the parameters of each size, what one size passes on to the next, and the
 * random shifts there. The counterpart of `coarse_to_fine`, `size_stages` and `Jitter`, compared with them by the tests.
 */
import type { ParameterValue, RunFrame } from "@robust-widgets/shared/session";
import type { Numbers } from "../manifest";
import { CHANNELS, fitPicture, resize, scaled, transpose } from "./planes";
import { Generator } from "./random";

export type Parameters = Readonly<Record<string, ParameterValue>>;

/** The parameters of a run at each of its sizes, the smallest first: the model's own, its doubles, and that wanted. */
export function sizeStages(parameters: Parameters, native: number, numbers: Numbers): Parameters[] {
  const size = Number(parameters["size"] ?? 0);
  const steps = Number(parameters["steps"]);
  if (size <= native) return [parameters];
  const doubles: number[] = [];
  for (let side = 2 * native; side < size; side *= 2) doubles.push(side);
  let sizes = [native, ...doubles.filter((side) => side >= numbers.smallestSize), size];
  const factor = parameters["factor"];
  if (typeof factor === "number") {
    sizes = sizes.filter((side) => side === size || side * factor >= 1.5 * size); // a smaller one has something to enlarge
  }
  sizes = sizes.slice(-steps);
  const finer = sizes.length > 1 ? Math.max(1, Math.floor((numbers.finerSteps * steps) / (sizes.length - 1))) : 0;
  return sizes.map((side, index) => {
    const share = index ? numbers.finerEpsilon * 0.5 ** (index - 1) : 1;
    return {
      ...parameters,
      size: side === native ? null : side,
      steps: index ? finer : steps - finer * (sizes.length - 1),
      epsilon: share * Number(parameters["epsilon"]),
      ...(typeof factor === "number" && { factor: (factor * side) / size }),
    };
  });
}

/** The start of a stage with what the stage before changed, enlarged, inside its region.
 *
 * @param before the start of the stage before, and its last pictures as a frame has them */
export function changedStart(
  start: Float32Array,
  inside: Uint8Array | undefined,
  size: number,
  before: { readonly start: Float32Array; readonly frame: RunFrame; readonly index: number },
): Float32Array {
  const { pictures } = before.frame;
  const last = fitPicture(pictures, before.index, pictures.width).values;
  const change = last.map((value, place) => value - (before.start[place] ?? 0));
  const enlarged = scaled(change, pictures.width, size);
  return start.map((value, place) => {
    if (inside && !inside[place % inside.length]) return value;
    return Math.min(Math.max(value + (enlarged[place] ?? 0), 0), 1);
  });
}

/** A frame of smaller pictures as one of the whole run. */
export function enlargedFrame(frame: RunFrame, size: number): RunFrame {
  const { count, width } = frame.pictures;
  if (width === size) return frame;
  const pixels = new Uint8Array(count * size * size * CHANNELS);
  for (let index = 0; index < count; index++) {
    const large = resize(fitPicture(frame.pictures, index, width).values, width, size);
    const rounded = large.map((value) => Math.floor(Math.fround(Math.fround(value * 255) + 0.5)));
    pixels.set(transpose(rounded, 1, CHANNELS, size * size), index * size * size * CHANNELS);
  }
  const gradient = frame.gradient && new Uint8Array(count * size * size);
  gradient?.forEach((_, place) => {
    const [index, row, column] = [Math.floor(place / size ** 2), Math.floor(place / size) % size, place % size].map(
      (value, axis) => (axis ? Math.floor((value * width) / size) : value),
    ) as [number, number, number];
    gradient[place] = frame.gradient?.[(index * width + row) * width + column] ?? 0;
  });
  return { ...frame, pictures: { count, width: size, height: size, pixels }, gradient };
}

/** How far the loss may shift the pictures, and what decides it. */
export interface Jitter {
  /** In pixels. */
  readonly largest: number;
  readonly seed: number;
}

/** The shifts of a run, a pair of matrices for each step: which row and column each one becomes, with mirrored edges. */
export function* shifts({ largest, seed }: Jitter, size: number): Iterator<Shift, never> {
  const generator = new Generator(seed);
  const most = Math.min(largest, size - 1);
  const draw = () => matrixOf((generator.bits() % (2 * most + 1)) - most, size);
  for (;;) {
    const rows = draw();
    yield { rows, columns: draw() };
  }
}

export interface Shift {
  readonly rows: Float32Array;
  readonly columns: Float32Array;
}

function matrixOf(shift: number, size: number): Float32Array {
  const matrix = new Float32Array(size * size);
  for (let place = 0; place < size; place++) matrix[place * size + mirrored(place + shift, size)] = 1;
  return matrix;
}

function mirrored(place: number, size: number): number {
  if (place < 0) return -place;
  return place < size ? place : 2 * (size - 1) - place;
}
