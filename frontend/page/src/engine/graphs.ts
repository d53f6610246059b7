/** Recorded steps in ONNX Runtime. */
import * as ort from "onnxruntime-web/wasm";
import type { InputDeclaration, Manifest } from "../manifest";
import { expandWeights, lengthOf, sizeOf } from "./arrays";
import { damaged, download } from "./download";
import { startError } from "./runtime";

/** What the graphs call the file with their constants, which only exists here. */
const WEIGHTS = "weights";
/** Sessions that are kept; each holds a copy of the weights. */
const MOST_SESSIONS = 3;

/** Values of a graph's inputs, by the last parts of their names. */
export type Values = Readonly<Record<string, Float32Array | Uint8Array | number>>;

/** What a step gives, of one picture. */
export interface StepResult {
  readonly next: Float32Array;
  /** Loss, probability, distance, and each class's probability. */
  readonly numbers: Float32Array;
  readonly bytes: Uint8Array;
  readonly gradient: Uint8Array;
}

/** The graphs of a page; the latest ones are kept. */
export class Graphs {
  private readonly sessions = new Map<string, Promise<Graph>>();
  private weights: Promise<Uint8Array> | null = null;

  constructor(
    private readonly manifest: Manifest,
    private readonly base: string,
  ) {}

  /** The graph of a structure, loaded if it is not there. */
  async get(structure: string): Promise<Graph> {
    const known = this.sessions.get(structure);
    this.sessions.delete(structure);
    const graph = known ?? this.load(structure);
    this.sessions.set(structure, graph);
    try {
      return await graph;
    } catch (error) {
      this.sessions.delete(structure);
      throw error;
    }
  }

  private async load(structure: string): Promise<Graph> {
    const declaration = this.manifest.structures[structure];
    if (!declaration) throw new Error(`There is no structure ${structure}.`);
    this.weights ??= this.loadWeights();
    this.weights.catch(() => (this.weights = null)); // to be tried again
    const file = download(new URL(declaration.file, this.base), this.manifest.contents?.[declaration.file]);
    const [weights, graph] = await Promise.all([this.weights, file]);
    for (const [name, old] of this.sessions) {
      if (this.sessions.size <= MOST_SESSIONS) break;
      this.sessions.delete(name);
      await old.then(
        (graph) => graph.release(),
        () => undefined,
      );
    }
    const session = await ort.InferenceSession.create(graph, {
      executionProviders: ["wasm"],
      externalData: [{ path: WEIGHTS, data: weights }],
    }).catch((error: unknown) => {
      throw startError(error);
    });
    return new Graph(session, declaration.inputs);
  }

  private async loadWeights(): Promise<Uint8Array> {
    const { weights, contents } = this.manifest;
    const address = new URL(weights.file, this.base);
    const { buffer: file } = await download(address, contents?.[weights.file]);
    if (file.byteLength < lengthOf(weights)) throw damaged(address);
    const values = expandWeights(file, weights);
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
}

/** A recorded step of one picture. */
export class Graph {
  constructor(
    private readonly session: ort.InferenceSession,
    private readonly inputs: readonly InputDeclaration[],
  ) {}

  release(): Promise<void> {
    return this.session.release();
  }

  /** What the inputs besides the pictures are for a run. */
  bind(values: Values): Record<string, ort.Tensor> {
    const own = this.inputs.filter(({ name }) => name !== "x" && name !== "start");
    return Object.fromEntries(own.map((input) => [input.name, tensorOf(input, values)]));
  }

  async step(x: Float32Array, start: Float32Array, bound: Record<string, ort.Tensor>): Promise<StepResult> {
    const pictures: Record<string, ort.Tensor> = {};
    for (const { name, shape } of this.inputs) {
      if (name === "x" || name === "start") pictures[name] = new ort.Tensor("float32", name === "x" ? x : start, shape);
    }
    const results = await this.session.run({ ...bound, ...pictures });
    const data = (name: string) => {
      const tensor = results[name];
      if (!tensor) throw new Error(`The step has no ${name}.`);
      return tensor.data;
    };
    return {
      next: data("x_next") as Float32Array,
      numbers: data("numbers") as Float32Array,
      bytes: data("bytes") as Uint8Array,
      gradient: data("gradient") as Uint8Array,
    };
  }
}

function tensorOf({ name, dtype, shape }: InputDeclaration, values: Values): ort.Tensor {
  const parts = name.split(".");
  const value = parts.map((_, index) => values[parts.slice(index).join(".")]).find((known) => known !== undefined);
  if (value === undefined) throw new Error(`The step reads ${name}, which this page does not know.`);
  const numbers = typeof value === "number" ? [value] : value;
  if (numbers.length !== sizeOf(shape)) throw new Error(`${name} has ${numbers.length} values.`);
  if (dtype === "int64")
    return new ort.Tensor(
      "int64",
      BigInt64Array.from(numbers, (number) => BigInt(number)),
      shape,
    );
  if (dtype === "bool") return new ort.Tensor("bool", Uint8Array.from(numbers), shape);
  return new ort.Tensor("float32", Float32Array.from(numbers), shape);
}
