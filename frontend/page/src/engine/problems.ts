/**
 * What a run optimises: each task's start, and the values that its recorded step reads. The counterpart of
 * `robust_widgets/tasks/`, compared with it by the tests.
 */
import type { Pictures, RunRequest } from "@robust-widgets/shared/session";
import type { Manifest, TaskDeclaration } from "../manifest";
import { edgeWeights, groundWeights, roundHalfToEven } from "./calm";
import { UserError } from "./errors";
import { harmonicFill, meanFill } from "./harmonic";
import { smoothNoise } from "./noise";
import { checkParameters } from "./parameters";
import { CHANNELS, fitPicture, resize } from "./planes";
import { Generator } from "./random";
import { regionOf } from "./region";
import type { Seeds } from "./seeds";
import { type Jitter, type Parameters, sizeStages } from "./stages";

export interface Problem {
  readonly task: TaskDeclaration;
  /** Checked. */
  readonly parameters: Parameters;
  /** The class or feature, in words. */
  readonly target: string;
  readonly size: number;
  readonly steps: number;
  /** Each picture's, `3 * size * size`. */
  readonly starts: readonly Float32Array[];
  /** 1 where the task may paint; left out for everywhere. */
  readonly region?: Uint8Array;
  /** How the loss shifts pictures that are larger than the model's; null for not at all. */
  readonly jitter: Jitter | null;
  /** Epsilon in raw pixels; null if there is no limit. */
  readonly radius: number | null;
  readonly structure: string;
  /** What the graph reads, by the last parts of its inputs' names; all but the pictures. */
  readonly values: Readonly<Record<string, Float32Array | Uint8Array | number>>;
}

/** What a task starts from. */
interface Start {
  readonly starts: Float32Array[];
  /** 1 where the task may paint. */
  readonly inside?: Uint8Array;
  /** The picture that stays outside it. */
  readonly whole?: Float32Array;
  /** How much a step counts at each pixel. */
  readonly weights?: Float32Array;
}

interface Context {
  readonly manifest: Manifest;
  readonly seeds: Seeds | null;
  readonly request: RunRequest;
  readonly parameters: Parameters;
  readonly size: number;
}

const STARTS: Readonly<Record<string, (context: Context) => Start>> = {
  sketch_to_image: (context) => {
    const { parameters, size, manifest } = context;
    const sketch = wholePicture(context);
    const weights = groundWeights(sketch, size, Number(parameters["ground"]), manifest.numbers);
    return { starts: [withNoise(context, sketch, null)], weights };
  },
  translate: fromPicture,
  generate: fromSeeds,
  super_resolve: fromSmallPicture,
  inpaint: (context) => {
    const { inside, whole } = picture(context);
    const { size, manifest, parameters } = context;
    const { harmonicTolerance: tolerance, harmonicIterations: iterations } = manifest.numbers;
    const filled =
      parameters["fill"] === "harmonic"
        ? harmonicFill(whole, inside, size, { tolerance, iterations })
        : meanFill(whole, inside);
    const weights = edgeWeights(inside, size, manifest.numbers);
    return { starts: [withNoise(context, filled, inside)], inside, whole, weights };
  },
  paint_features: (context) => {
    const { inside, whole } = picture(context);
    return { starts: [withNoise(context, whole, inside)], inside, whole };
  },
};

/** Whether a page can run a task: somebody's own task has a start that it does not know. */
export const isKnown = (task: string): boolean => Object.hasOwn(STARTS, task);

/** The problem that a request asks for, at its size alone. Throws a `UserError` if it cannot be used. */
export function buildProblem(manifest: Manifest, seeds: Seeds | null, request: RunRequest): Problem {
  return problemOf(manifest, seeds, request, parametersOf(manifest, request));
}

/** The problems that a request asks for, the smallest pictures first; one alone where it names its start. */
export function buildStages(manifest: Manifest, seeds: Seeds | null, request: RunRequest): Problem[] {
  const parameters = parametersOf(manifest, request);
  const build = (own: Parameters) => problemOf(manifest, seeds, request, own);
  if (request.start) return [build(parameters)];
  const stages = sizeStages(parameters, manifest.model.inputSize, manifest.numbers);
  try {
    return stages.map(build);
  } catch (error) {
    // A mask may be so fine that it marks nothing, or everything, at a smaller size.
    if (stages.length > 1 && error instanceof UserError && error.code.startsWith("mask")) return [build(parameters)];
    throw error;
  }
}

function taskOf(manifest: Manifest, { task: wanted }: RunRequest): TaskDeclaration {
  const task = manifest.tasks.find(({ name }) => name === wanted);
  if (task && isKnown(wanted)) return task;
  const reason = manifest.model.missing[wanted] ?? `This page has no task '${wanted}'.`;
  throw new UserError("task-missing", reason, { task: wanted });
}

/** All parameters of a request, checked. */
export function parametersOf(manifest: Manifest, request: RunRequest): Parameters {
  return checkParameters(taskOf(manifest, request), request.parameters);
}

function problemOf(manifest: Manifest, seeds: Seeds | null, request: RunRequest, parameters: Parameters): Problem {
  const task = taskOf(manifest, request);
  const size = Number(parameters["size"] ?? manifest.model.inputSize);
  const unit = task.target === "feature" ? unitOf(manifest, request.target) : classOf(manifest, request.target);
  const begin = STARTS[task.name] ?? fromPicture;
  const { starts, inside, whole, weights } = begin({ manifest, seeds, request, parameters, size });
  const { start: given } = request;
  const isHard = inside !== undefined && (parameters["penalty"] ?? null) === null;
  return {
    task,
    parameters,
    target: unit.name,
    size,
    steps: Number(parameters["steps"]),
    starts: given ? Array.from({ length: given.count }, (_, index) => fitPicture(given, index, size).values) : starts,
    ...(isHard && { region: inside }),
    jitter: jitterOf(manifest, parameters, size),
    ...moves(manifest, parameters, size),
    structure: structureOf(task, parameters, manifest.model.inputSize),
    values: {
      ...lengths(manifest, parameters, size),
      target: unit.index,
      channels: unit.index,
      ...(inside && { region: inside, _weight: Float32Array.from(inside, (marked) => 1 - marked) }),
      ...(whole && { picture: whole }),
      ...(weights && { "stepper.weight": weights }),
      "second.weight":
        parameters["penalty"] === "paper" ? manifest.numbers.paperPenalty : Number(parameters["penalty"] ?? 0),
    },
  };
}

function jitterOf({ model, numbers }: Manifest, parameters: Parameters, size: number): Jitter | null {
  if (size <= model.inputSize) return null;
  const largest = Math.min(numbers.largestShift, Math.floor(size / 4));
  return { largest, seed: Number(parameters["seed"] ?? 0) };
}

function fromPicture(context: Context): Start {
  return { starts: [withNoise(context, wholePicture(context), null)] };
}

function fromSeeds({ manifest, seeds, request, parameters, size }: Context): Start {
  if (!seeds) throw new UserError("no-seeds", `The model ${manifest.model.name} has no seed statistics.`);
  const first = Number(parameters["seed"]);
  const { index } = classOf(manifest, request.target);
  const share = Math.min(1, manifest.model.inputSize / size); // larger pictures get less noise
  const starts = Array.from({ length: Number(parameters["n"]) }, (_, picture) =>
    seeds.draw(index, new Generator(first + picture), size, manifest.numbers.smoothing, share),
  );
  return { starts };
}

function fromSmallPicture(context: Context): Start {
  const { request, parameters, size } = context;
  const low = Math.max(4, roundHalfToEven(size / Number(parameters["factor"])));
  const small = fitPicture(required(request), 0, low).values;
  const enlarged = parameters["enlargement"] === "bicubic" ? resize(small, low, size) : nearest(small, low, size);
  return { starts: [withNoise(context, enlarged, null)] };
}

function nearest(small: Float32Array, low: number, size: number): Float32Array {
  const origin = (place: number) => Math.floor((place * low) / size);
  return Float32Array.from({ length: CHANNELS * size * size }, (_, place) => {
    const [channel, row, column] = [Math.floor(place / size ** 2), Math.floor(place / size) % size, place % size];
    return small[(channel * low + origin(row)) * low + origin(column)] ?? 0;
  });
}

function required({ picture: given }: RunRequest): Pictures {
  if (given) return given;
  throw new UserError(
    "picture-missing",
    "There is no picture to start from; paint something, or load a picture, first.",
  );
}

function wholePicture({ request, size }: Context): Float32Array {
  return fitPicture(required(request), 0, size).values;
}

function picture(context: Context): { whole: Float32Array; inside: Uint8Array } {
  const { request, size, manifest } = context;
  const { mask } = request;
  const whole = wholePicture(context);
  if (!mask) throw new UserError("mask-missing", "There is no mask; mark the part of the picture to paint.");
  const { maskMiddle: middle, maskThin: thin } = manifest.numbers;
  return { whole, inside: regionOf(mask, size, { middle, thin }) };
}

/** The picture with faint seeded smooth noise, inside a region if one is given. */
function withNoise({ manifest, parameters, size }: Context, values: Float32Array, inside: Uint8Array | null) {
  const { seed } = parameters;
  if (typeof seed !== "number") return values;
  const { noise, smoothing } = manifest.numbers;
  const drawn = smoothNoise(CHANNELS, size, new Generator(seed), smoothing);
  return values.map((value, place) => {
    if (inside && !inside[place % inside.length]) return value;
    return Math.min(Math.max(value + Math.fround(noise * (drawn[place] ?? 0)), 0), 1);
  });
}

/** Epsilon and step size in raw pixels of a picture of this size; under Linf they are levels. */
function lengths({ numbers }: Manifest, parameters: Parameters, size: number) {
  const strength = Number(parameters["strength"] ?? 1);
  const { referenceSize, levels } = numbers;
  const raw = (name: string) => {
    const value = strength * Number(parameters[name]);
    return parameters["constraint"] === "linf" ? value / levels : (value * size) / referenceSize;
  };
  return { epsilon: raw("epsilon"), step_size: raw("step_size") };
}

function moves(manifest: Manifest, parameters: Parameters, size: number) {
  return { radius: parameters["constraint"] === "none" ? null : lengths(manifest, parameters, size).epsilon };
}

function structureOf(task: TaskDeclaration, parameters: Parameters, inputSize: number): string {
  const use = task.uses.find(({ choices }) =>
    Object.entries(choices).every(([name, value]) => {
      const own = parameters[name];
      if (name === "size") return (value ?? inputSize) === (own ?? inputSize);
      return typeof own === "number" ? typeof value === "number" : own === value;
    }),
  );
  if (!use) throw new Error(`There is no step of ${task.name} for ${JSON.stringify(parameters)}`);
  return use.structure;
}

function classOf({ model }: Manifest, target: string): { index: number; name: string } {
  const wanted = target.trim().toLowerCase();
  let index = model.classes.findIndex((name) => name.toLowerCase() === wanted);
  if (index < 0) index = onlyIndex(model.synonyms, wanted);
  const name = model.classes[index];
  if (name === undefined) {
    throw new UserError("class-unknown", `There is no class '${target}'; choose one of the list.`, { target });
  }
  return { index, name };
}

/** The place of the one class that has a synonym; -1 if there is none, or several. */
function onlyIndex(synonyms: readonly (readonly string[])[], wanted: string): number {
  const indices = synonyms.flatMap((names, index) =>
    names.some((name) => name.toLowerCase() === wanted) ? [index] : [],
  );
  return indices.length === 1 ? (indices[0] ?? -1) : -1;
}

function unitOf({ model }: Manifest, target: string): { index: number; name: string } {
  const wanted = target.trim().toLowerCase();
  const feature = model.features.find(({ name }) => name.toLowerCase() === wanted);
  if (feature) return { index: feature.unit, name: target };
  const index = /^\d{1,9}$/.test(wanted) ? Number(wanted) : -1;
  if (index >= 0 && index < model.units) return { index, name: target };
  throw new UserError("feature-unknown", `There is no feature '${target}'; choose one of the palette.`, { target });
}
