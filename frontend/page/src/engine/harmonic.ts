/** Smooth fills of holes in pictures: the mean colour, and the solution of Laplace's equation. */

export interface Limits {
  /** Of a residual. */
  readonly tolerance: number;
  readonly iterations: number;
}

/** The picture's channels with the hole filled by the mean of each one outside. */
export function meanFill(values: Float32Array, inside: Uint8Array): Float32Array {
  const filled = values.slice();
  for (let start = 0; start < values.length; start += inside.length) {
    let [sum, count] = [0, 0];
    for (let pixel = 0; pixel < inside.length; pixel++) {
      if (inside[pixel]) continue;
      sum += values[start + pixel] ?? 0;
      count++;
    }
    const mean = sum / Math.max(count, 1);
    for (let pixel = 0; pixel < inside.length; pixel++) if (inside[pixel]) filled[start + pixel] = mean;
  }
  return filled;
}

/**
 * The picture's channels with the hole filled by the smoothest surface through the colours around it, by conjugate
 * gradients from the mean. A channel that is done waits for the others, as in Python.
 */
export function harmonicFill(values: Float32Array, inside: Uint8Array, size: number, limits: Limits): Float32Array {
  const filled = meanFill(values, inside);
  const pixels = size * size;
  const channels = Array.from({ length: values.length / pixels }, (_, index) => {
    const own = filled.subarray(index * pixels, (index + 1) * pixels);
    const residual = new Float32Array(pixels);
    laplacian(own, inside, size, residual, 1);
    return { own, residual, direction: residual.slice(), power: dot(residual, residual) };
  });
  const image = new Float32Array(pixels);
  for (let iteration = 0; iteration < limits.iterations; iteration++) {
    if (Math.max(...channels.map(({ residual }) => largest(residual))) <= limits.tolerance) break;
    for (const channel of channels) {
      const { own, residual, direction } = channel;
      laplacian(direction, inside, size, image, -1);
      const length = channel.power / Math.max(dot(direction, image), 1e-30);
      for (let pixel = 0; pixel < pixels; pixel++) {
        own[pixel] = (own[pixel] ?? 0) + length * (direction[pixel] ?? 0);
        residual[pixel] = (residual[pixel] ?? 0) - length * (image[pixel] ?? 0);
      }
      const power = dot(residual, residual);
      const keep = power / Math.max(channel.power, 1e-30);
      channel.power = power;
      for (let pixel = 0; pixel < pixels; pixel++) {
        direction[pixel] = (residual[pixel] ?? 0) + keep * (direction[pixel] ?? 0);
      }
    }
  }
  return values.map((value, place) => {
    return inside[place % pixels] ? Math.min(Math.max(filled[place] ?? 0, 0), 1) : value;
  });
}

/** Inside the hole, the sum of the differences to the neighbours, those beyond the borders left out. */
function laplacian(x: Float32Array, inside: Uint8Array, size: number, result: Float32Array, sign: number): void {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const pixel = row * size + column;
      if (!inside[pixel]) continue;
      const left = x[column > 0 ? pixel - 1 : pixel] ?? 0;
      const right = x[column < size - 1 ? pixel + 1 : pixel] ?? 0;
      const above = x[row > 0 ? pixel - size : pixel] ?? 0;
      const below = x[row < size - 1 ? pixel + size : pixel] ?? 0;
      result[pixel] = sign * (left + right + above + below - 4 * (x[pixel] ?? 0));
    }
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

function largest(values: Float32Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
