/** Where steps count less: the flat ground of a sketch, and the edge of a hole. */
import type { Numbers } from "../manifest";

/** Weight of each pixel: `calm` on the flat ground around what is painted, rising to 1 at that. */
export function groundWeights(values: Float32Array, size: number, calm: number, numbers: Numbers): Float32Array {
  const pixels = size * size;
  const ground = groundOf(values, size, Math.fround(numbers.groundTolerance));
  const painted = Float32Array.from(ground, (isGround) => 1 - isGround);
  const share = painted.reduce((sum, value) => sum + value, 0) / pixels;
  if (Math.fround(share) < Math.fround(numbers.groundSmallest)) return new Float32Array(pixels).fill(1);
  const soft = blurTwice(painted, size, roundHalfToEven((numbers.groundSoftened * size) / 2));
  return painted.map((value, pixel) => {
    const near = Math.max(value, Math.min(2 * (soft[pixel] ?? 0), 1));
    return calm + (1 - calm) * near;
  });
}

/** Weight of each pixel of a hole: little at its edge, and 1 inside. */
export function edgeWeights(inside: Uint8Array, size: number, { edge, edgeWidth }: Numbers): Float32Array {
  const soft = blurTwice(Float32Array.from(inside), size, roundHalfToEven(edgeWidth * size));
  return soft.map((value) => edge + (1 - edge) * Math.min(Math.max(2 * value - 1, 0), 1));
}

/** As Python rounds: the even number where two are equally near. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** 1 where a picture has the median colour of its border, and is connected to the border. */
function groundOf(values: Float32Array, size: number, tolerance: number): Uint8Array {
  const pixels = size * size;
  const flat = new Uint8Array(pixels).fill(1);
  for (let start = 0; start < values.length; start += pixels) {
    const channel = values.subarray(start, start + pixels);
    const middle = medianOfBorder(channel, size);
    for (let pixel = 0; pixel < pixels; pixel++) {
      if (!(Math.abs(Math.fround((channel[pixel] ?? 0) - middle)) < tolerance)) flat[pixel] = 0;
    }
  }
  return connected(flat, size);
}

function medianOfBorder(channel: Float32Array, size: number): number {
  const border: number[] = [];
  for (let place = 0; place < size; place++) {
    const ends = [place, (size - 1) * size + place, place * size, place * size + size - 1];
    border.push(...ends.map((pixel) => channel[pixel] ?? 0));
  }
  border.sort((a, b) => a - b);
  const half = border.length / 2;
  return Math.fround(((border[half - 1] ?? 0) + (border[half] ?? 0)) / 2);
}

/** The marked pixels that others connect with the border, along rows and columns. */
function connected(marked: Uint8Array, size: number): Uint8Array {
  const reached = new Uint8Array(marked.length);
  const waiting: number[] = [];
  const reach = (row: number, column: number) => {
    const pixel = row * size + column;
    if (row < 0 || column < 0 || row >= size || column >= size || !marked[pixel] || reached[pixel]) return;
    reached[pixel] = 1;
    waiting.push(pixel);
  };
  for (let place = 0; place < size; place++) {
    reach(0, place);
    reach(size - 1, place);
    reach(place, 0);
    reach(place, size - 1);
  }
  for (let pixel = waiting.pop(); pixel !== undefined; pixel = waiting.pop()) {
    const [row, column] = [Math.floor(pixel / size), pixel % size];
    reach(row - 1, column);
    reach(row + 1, column);
    reach(row, column - 1);
    reach(row, column + 1);
  }
  return reached;
}

function blurTwice(values: Float32Array, size: number, radius: number): Float32Array {
  return blur(blur(values, size, radius), size, radius);
}

/** The mean over a square of `2 * radius + 1`, the outermost pixels repeated. */
function blur(values: Float32Array, size: number, radius: number): Float32Array {
  const inside = (place: number) => Math.min(Math.max(place, 0), size - 1);
  const means = new Float32Array(values.length);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let sum = 0;
      for (let y = row - radius; y <= row + radius; y++) {
        for (let x = column - radius; x <= column + radius; x++) sum += values[inside(y) * size + inside(x)] ?? 0;
      }
      means[row * size + column] = sum / (2 * radius + 1) ** 2;
    }
  }
  return means;
}
