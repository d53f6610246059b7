/** Arrays in NumPy's format, version 1.0, and archives of them. */
import { inflated } from "./deflate";
import { zip } from "./zip";

type Bytes = Uint8Array<ArrayBuffer>;

export interface NumpyArray {
  /** NumPy's name of the type: bytes, 64-bit whole numbers, floats of 32 and 64 bits, all little-endian. */
  readonly type: "|u1" | "<i8" | "<f4" | "<f8";
  readonly shape: readonly number[];
  readonly bytes: Bytes;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
const ALIGNMENT = 64;
const ITEM_BYTES = { "|u1": 1, "<i8": 8, "<f4": 4, "<f8": 8 };

const bytesOf = (view: ArrayBufferView<ArrayBuffer>): Bytes =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

export const bytesArray = (values: Uint8Array, shape: readonly number[]): NumpyArray => ({
  type: "|u1",
  shape,
  bytes: Uint8Array.from(values),
});

export const doubleArray = (values: readonly number[], shape: readonly number[]): NumpyArray => ({
  type: "<f8",
  shape,
  bytes: bytesOf(Float64Array.from(values)),
});

export const floatArray = (values: Float32Array, shape: readonly number[]): NumpyArray => ({
  type: "<f4",
  shape,
  bytes: bytesOf(Float32Array.from(values)),
});

export const wholeArray = (values: readonly number[]): NumpyArray => ({
  type: "<i8",
  shape: [values.length],
  bytes: bytesOf(BigInt64Array.from(values.map(BigInt))),
});

function npy({ type, shape, bytes }: NumpyArray): Bytes {
  const sides = shape.map((side) => `${side},`).join(" ");
  let head = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sides}), }`;
  head = head.padEnd(Math.ceil((head.length + 11) / ALIGNMENT) * ALIGNMENT - 11) + "\n";
  const file = new Uint8Array(10 + head.length + bytes.length);
  file.set(MAGIC);
  new DataView(file.buffer).setUint16(8, head.length, true);
  file.set(new TextEncoder().encode(head), 10);
  file.set(bytes, 10 + head.length);
  return file;
}

/** An NPZ file of these arrays, compressed. */
export const npz = (arrays: Readonly<Record<string, NumpyArray>>): Promise<Bytes> =>
  zip(new Map(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npy(array)])), true);

/** Reads an NPZ file.
 *
 * @param most bytes that its arrays may take together
 * @throws Error something in it is damaged, or not such an array */
export async function readNpz(bytes: Bytes, most: number): Promise<Map<string, NumpyArray>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const arrays = new Map<string, NumpyArray>();
  let left = most;
  const end = bytes.length - 22;
  if (end < 0 || view.getUint32(end, true) !== 0x06054b50) throw new Error("the end of its arrays is missing");
  let at = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count--) {
    const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const [method, nameLength] = [view.getUint16(at + 10, true), view.getUint16(at + 28, true)];
    const rest = view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)).replace(/\.npy$/, "");
    const local = view.getUint32(at + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const content = bytes.slice(start, start + packed);
    left -= size;
    if (left < 0) throw new Error("its arrays are too large");
    const file = method === 8 ? await inflated(content, size) : content;
    if (file.length !== size) throw new Error(`its array ${name} is cut short`);
    arrays.set(name, parsed(file, name));
    at += 46 + nameLength + rest;
  }
  return arrays;
}

function parsed(file: Bytes, name: string): NumpyArray {
  const headLength = file.length > 10 ? new DataView(file.buffer).getUint16(8, true) : 0;
  const head = new TextDecoder().decode(file.subarray(10, 10 + headLength));
  const match = /'descr': '(\|u1|<i8|<f4|<f8)', 'fortran_order': False, 'shape': \(([\d, ]*)\)/.exec(head);
  const isNumpy = MAGIC.every((byte, index) => file[index] === byte);
  if (!isNumpy || !match) throw new Error(`its array ${name} has another form`);
  const type = match[1] as NumpyArray["type"];
  const shape = (match[2] ?? "")
    .split(",")
    .filter((side) => side.trim())
    .map(Number);
  const bytes = file.slice(10 + headLength);
  const count = shape.reduce((product, side) => product * side, 1);
  if (count * ITEM_BYTES[type] !== bytes.length) throw new Error(`its array ${name} has another size`);
  return { type, shape, bytes };
}

/** The numbers of an array. */
export function numbersOf({ type, bytes }: NumpyArray): number[] {
  if (type === "<f8") return [...new Float64Array(bytes.buffer)];
  if (type === "<f4") return [...new Float32Array(bytes.buffer)];
  return type === "<i8" ? [...new BigInt64Array(bytes.buffer)].map(Number) : [...bytes];
}
