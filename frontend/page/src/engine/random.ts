/**
 * torch's random numbers on a CPU: the Mersenne twister, and its uniform and normal numbers, as `torch.Generator()`
 * with `manual_seed` gives them. The twister's are equal bit for bit; normal ones up to rounding.
 */

const LENGTH = 624;
const MIDDLE = 397;
const FLOAT_BITS = 2 ** 24;
const DOUBLE_BITS = 2 ** 53;
/** torch draws this many normal numbers at a time, the sines after the cosines. */
const GROUP = 16;

export class Generator {
  private readonly state = new Uint32Array(LENGTH);
  private next = LENGTH;
  /** Of two normal numbers that are drawn one by one, the second. */
  private second: number | null = null;

  /** `seed`: a whole number of at least 0; its lowest 32 bits count. */
  constructor(seed: number) {
    const { state } = this;
    state[0] = seed % 2 ** 32;
    for (let index = 1; index < LENGTH; index++) {
      const before = at(state, index - 1);
      state[index] = Math.imul(1812433253, before ^ (before >>> 30)) + index;
    }
  }

  /** 32 random bits. */
  bits(): number {
    if (this.next === LENGTH) this.twist();
    let value = at(this.state, this.next++);
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  /** A float32 in [0, 1). */
  uniform(): number {
    return (this.bits() % FLOAT_BITS) / FLOAT_BITS;
  }

  /** A float64 in [0, 1). */
  uniformDouble(): number {
    const high = this.bits() % 2 ** 21;
    return (high * 2 ** 32 + this.bits()) / DOUBLE_BITS;
  }

  /** Standard normal numbers, as `torch.randn(count)` of float32. */
  normal(count: number): Float32Array {
    const values = new Float32Array(count);
    if (count < GROUP) return values.map(() => this.normalDouble());
    for (let index = 0; index < count; index++) values[index] = this.uniform();
    for (let index = 0; index + GROUP <= count; index += GROUP) transform(values.subarray(index, index + GROUP));
    if (count % GROUP !== 0) {
      const last = values.subarray(count - GROUP);
      for (let index = 0; index < GROUP; index++) last[index] = this.uniform();
      transform(last);
    }
    return values;
  }

  private normalDouble(): number {
    if (this.second !== null) {
      const { second } = this;
      this.second = null;
      return second;
    }
    const angle = 2 * Math.PI * this.uniformDouble();
    const radius = Math.sqrt(-2 * Math.log1p(-this.uniformDouble()));
    this.second = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  private twist(): void {
    const { state } = this;
    for (let index = 0; index < LENGTH; index++) {
      const mixed = (at(state, index) & 0x80000000) | (at(state, (index + 1) % LENGTH) & 0x7fffffff);
      state[index] = at(state, (index + MIDDLE) % LENGTH) ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}

/** Sixteen uniform numbers to normal ones (Box and Muller), in float32. */
function transform(values: Float32Array): void {
  for (let index = 0; index < GROUP / 2; index++) {
    const radius = Math.fround(Math.sqrt(-2 * Math.fround(Math.log(1 - at(values, index)))));
    const angle = Math.fround(2 * Math.PI * at(values, index + GROUP / 2));
    values[index] = radius * Math.cos(angle);
    values[index + GROUP / 2] = radius * Math.sin(angle);
  }
}

function at(values: Uint32Array | Float32Array, index: number): number {
  return values[index] ?? 0;
}
