/** Arrays of half and single precision in a page's files, and the weights that are made of them. */
import type { StoredArray, WeightsDeclaration } from "../manifest";

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

const HALVES = new Float32Array(2 ** 16);

/** The value of each half-precision number, by its bits. */
function halves(): Float32Array {
  if (HALVES[1] === 0) {
    for (let bits = 0; bits < HALVES.length; bits++) {
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      const size = exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
      HALVES[bits] = (bits >> 15 ? -1 : 1) * (exponent === 31 ? (fraction ? NaN : Infinity) : size);
    }
  }
  return HALVES;
}

/** An array of a file as float32. */
export function readArray(file: ArrayBuffer, { at, dtype, shape }: StoredArray): Float32Array {
  const count = sizeOf(shape);
  if (dtype === "float32") return new Float32Array(file, at, count);
  const values = halves();
  return Float32Array.from(new Uint16Array(file, at, count), (bits) => values[bits] ?? 0);
}

/** The bytes that a file of weights has at least. */
export function lengthOf({ stored }: WeightsDeclaration): number {
  return Math.max(0, ...stored.map(({ at, dtype, shape }) => at + sizeOf(shape) * (dtype === "float16" ? 2 : 4)));
}

/** All constants of the graphs, from a file of weights. */
export function expandWeights(file: ArrayBuffer, { length, stored, constants }: WeightsDeclaration): Float32Array {
  const expanded = new Float32Array(length);
  for (const constant of constants) {
    const declaration = stored[constant.stored];
    if (!declaration) throw new Error(`There is no array ${constant.stored}.`);
    const { factor, shape } = declaration;
    const isFlipped = constant.form === "flipped";
    const values = isFlipped ? flipped(readArray(file, declaration), shape) : readArray(file, declaration);
    const [rows = 1, columns = 1] = isFlipped ? [shape[1], shape[0]] : shape;
    const kernel = values.length / (rows * columns);
    const count = constant.axis === 0 ? rows : columns;
    const scale = constant.axis === null ? null : new Float32Array(file, constant.scale, count);
    for (let row = 0, place = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const own = factor * (scale?.[constant.axis === 0 ? row : column] ?? 1);
        for (let index = 0; index < kernel; index++, place++) {
          expanded[constant.offset + place] = own * (values[place] ?? 0);
        }
      }
    }
  }
  return expanded;
}

/** A kernel for the gradient: the first two axes swapped, and the others reversed. */
function flipped(values: Float32Array, shape: readonly number[]): Float32Array {
  const [outputs = 1, inputs = 1] = shape;
  const kernel = values.length / (outputs * inputs);
  const result = new Float32Array(values.length);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      const from = (output * inputs + input) * kernel;
      const to = (input * outputs + output) * kernel;
      for (let index = 0; index < kernel; index++) result[to + index] = values[from + kernel - 1 - index] ?? 0;
    }
  }
  return result;
}
