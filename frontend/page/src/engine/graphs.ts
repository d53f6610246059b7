/** Recorded steps in ONNX Runtime. */
import type { InputDeclaration, Manifest, StructureDeclaration } from "../manifest";
import { expandWeights, lengthOf, sizeOf } from "./arrays";
import { candidateOf, compare, remember } from "./choice";
import { damaged, download } from "./download";
import { type Feed, type Feeds, type GraphSession, loadRuntime, type Provider, type Runtime } from "./runtime";

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
  private runtime: Runtime | null = null;
  private provider: Provider = "wasm";
  private withoutGpu: Promise<void> | null = null;

  /** @param changed called with words when something else computes from now on */
  constructor(
    private readonly manifest: Manifest,
    private readonly base: string,
    private readonly changed: (device: string) => void = () => undefined,
  ) {}

  /** Decides what computes, and loads the first structure, if there is one.
   *
   * @param wanted what an address asks for; null for what is faster
   * @returns how it computes, in words */
  async start(first: string | undefined, wanted: Provider | null): Promise<string> {
    this.loadWeights().catch(() => undefined); // at the same time as the runtime
    const { provider, key } = await candidateOf(this.manifest, wanted);
    const ofGpu = provider === "webgpu" ? await this.loadForGpu() : null;
    this.runtime = ofGpu ?? (await this.plain());
    this.provider = ofGpu ? "webgpu" : "wasm";
    if (ofGpu && first !== undefined && key) {
      this.provider = await this.measure(ofGpu, first, wanted === "webgpu");
      if (wanted === null) await remember(key, this.provider);
    }
    if (first !== undefined) await this.get(first);
    return this.runtime.deviceOf(this.provider);
  }

  /** The runtime that can use a GPU; null where it cannot be loaded. */
  private async loadForGpu(): Promise<Runtime | null> {
    try {
      return await loadRuntime("webgpu", this.manifest, this.base);
    } catch (error) {
      console.warn("robust-widgets: the GPU is not used", error);
      return null;
    }
  }

  private plain(): Promise<Runtime> {
    return loadRuntime("wasm", this.manifest, this.base);
  }

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
    const { inputs } = this.declarationOf(structure);
    const session = await this.create(structure);
    return new Graph(session, inputs, () => this.recovered(structure));
  }

  private declarationOf(structure: string): StructureDeclaration {
    const declaration = this.manifest.structures[structure];
    if (!declaration) throw new Error(`There is no structure ${structure}.`);
    return declaration;
  }

  private async create(structure: string): Promise<GraphSession> {
    const [graph, weights] = await this.filesOf(structure);
    for (const [name, old] of this.sessions) {
      if (this.sessions.size <= MOST_SESSIONS) break;
      this.sessions.delete(name);
      await old.then((graph) => graph.release()).catch(() => undefined); // a GPU may be gone
    }
    if (!this.runtime) throw new Error("The runtime is not loaded.");
    try {
      return await this.runtime.create(this.provider, graph, weights);
    } catch (error) {
      if (this.provider !== "webgpu") throw error;
      console.warn("robust-widgets: the GPU cannot compute this step", error);
      await this.leaveGpu();
      return this.runtime.create(this.provider, graph, weights);
    }
  }

  private filesOf(structure: string): Promise<[Uint8Array, Uint8Array]> {
    const { file } = this.declarationOf(structure);
    return Promise.all([download(new URL(file, this.base), this.manifest.contents?.[file]), this.loadWeights()]);
  }

  /** The steps' first session on the GPU, next to one with WebAssembly. */
  private async measure(runtime: Runtime, structure: string, isWanted: boolean): Promise<Provider> {
    const files = await this.filesOf(structure);
    const sessions: GraphSession[] = [];
    try {
      for (const provider of ["webgpu", "wasm"] as const) sessions.push(await runtime.create(provider, ...files));
      const [gpu, processor] = sessions as [GraphSession, GraphSession];
      return await compare(gpu, processor, this.declarationOf(structure).inputs, isWanted);
    } catch (error) {
      console.warn("robust-widgets: the GPU cannot compute the steps", error);
      return "wasm";
    } finally {
      for (const session of sessions) await session.release().catch(() => undefined);
    }
  }

  /** Another session of a structure after a step on the GPU failed; null if it was not on the GPU. */
  private async recovered(structure: string): Promise<GraphSession | null> {
    if (this.provider !== "webgpu" && !this.withoutGpu) return null;
    await this.leaveGpu();
    return this.create(structure);
  }

  /** Computes with WebAssembly from now on, in a runtime of its own: the other one may wait for the GPU for ever. */
  private leaveGpu(): Promise<void> {
    this.withoutGpu ??= this.plain().then((runtime) => {
      this.runtime = runtime;
      this.provider = "wasm";
      this.changed(runtime.deviceOf("wasm"));
    });
    this.withoutGpu.catch(() => (this.withoutGpu = null)); // to be tried again
    return this.withoutGpu;
  }

  private loadWeights(): Promise<Uint8Array> {
    this.weights ??= this.downloadWeights();
    this.weights.catch(() => (this.weights = null)); // to be tried again
    return this.weights;
  }

  private async downloadWeights(): Promise<Uint8Array> {
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
  /** @param recovered another session in the place of one whose step failed; null if there is none */
  constructor(
    private session: GraphSession,
    private readonly inputs: readonly InputDeclaration[],
    private readonly recovered: () => Promise<GraphSession | null> = () => Promise.resolve(null),
  ) {}

  release(): Promise<void> {
    return this.session.release();
  }

  /** What the inputs besides the pictures are for a run. */
  bind(values: Values): Feeds {
    const own = this.inputs.filter(({ name }) => name !== "x" && name !== "start");
    return Object.fromEntries(own.map((input) => [input.name, feedOf(input, values)]));
  }

  async step(x: Float32Array, start: Float32Array, bound: Feeds): Promise<StepResult> {
    const pictures = this.inputs.flatMap(({ name, shape }): [string, Feed][] =>
      name === "x" || name === "start" ? [[name, { type: "float32", data: name === "x" ? x : start, shape }]] : [],
    );
    const results = await this.run({ ...bound, ...Object.fromEntries(pictures) });
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

  /** The same step once more, where the first one failed and something else can compute it. */
  private async run(feeds: Feeds): ReturnType<GraphSession["run"]> {
    try {
      return await this.session.run(feeds);
    } catch (error) {
      const other = await this.recovered();
      if (!other) throw error;
      this.session = other;
      return this.session.run(feeds);
    }
  }
}

function feedOf({ name, dtype, shape }: InputDeclaration, values: Values): Feed {
  const parts = name.split(".");
  const value = parts.map((_, index) => values[parts.slice(index).join(".")]).find((known) => known !== undefined);
  if (value === undefined) throw new Error(`The step reads ${name}, which this page does not know.`);
  const numbers = typeof value === "number" ? [value] : value;
  if (numbers.length !== sizeOf(shape)) throw new Error(`${name} has ${numbers.length} values.`);
  if (dtype === "int64") {
    const data = BigInt64Array.from(numbers, (number) => BigInt(number));
    return { type: dtype, data, shape };
  }
  if (dtype === "bool") return { type: dtype, data: Uint8Array.from(numbers), shape };
  return { type: dtype, data: numbers instanceof Float32Array ? numbers : Float32Array.from(numbers), shape };
}
