/** Start pictures for generation: draws from a Gaussian for each class. */
import type { SeedsDeclaration } from "../manifest";
import { readArray } from "./arrays";
import { smoothNoise } from "./noise";
import { CHANNELS, resize } from "./planes";
import type { Generator } from "./random";

export class Seeds {
  private readonly mean: Float32Array;
  private readonly factor: Float32Array;
  private readonly noise: Float32Array;
  /** Values of a small picture, and numbers that decide it. */
  private readonly length: number;
  private readonly rank: number;

  constructor(file: ArrayBuffer, { mean, factor, noise }: SeedsDeclaration) {
    this.mean = readArray(file, mean);
    this.factor = readArray(file, factor);
    this.noise = readArray(file, noise);
    [, this.rank = 0, this.length = 0] = factor.shape;
  }

  /** A start of a class: enlarged bicubically, and covered with smooth grey noise.
   *
   * @param share of the noise, 1 for all of it */
  draw(index: number, generator: Generator, size: number, taps: readonly number[], share = 1): Float32Array {
    const { rank, length } = this;
    const numbers = generator.normal(rank);
    const small = Float32Array.from({ length }, (_, place) => {
      let sum = 0;
      for (let row = 0; row < rank; row++) {
        sum += (numbers[row] ?? 0) * (this.factor[(index * rank + row) * length + place] ?? 0);
      }
      return Math.fround(sum) + (this.mean[index * length + place] ?? 0);
    });
    const enlarged = resize(small, Math.sqrt(length / CHANNELS), size);
    const grey = smoothNoise(1, size, generator, taps);
    const amount = Math.fround(share * (this.noise[index] ?? 0));
    return enlarged.map((value, place) => {
      const noise = Math.fround(amount * (grey[place % grey.length] ?? 0));
      return Math.min(Math.max(value + noise, 0), 1);
    });
  }
}
