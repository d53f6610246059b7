/** Runs a request step by step. */
import type { RunDescription, RunFrame, RunRequest } from "@robust-widgets/shared/session";
import type { Manifest } from "../manifest";
import { UserError } from "./errors";
import type { Graph, Graphs, StepResult } from "./graphs";
import type { Feeds } from "./runtime";
import { buildStages, parametersOf, type Problem } from "./problems";
import type { Seeds } from "./seeds";
import { changedStart, enlargedFrame, shifts } from "./stages";

/** Rows of a step's numbers before the classes' probabilities. */
const METRICS = 3;

export interface RunListener {
  started(steps: number, description: RunDescription): void;
  frame(frame: RunFrame): void;
  /** Whether the run should stop; asked before each step. */
  isStopped(): Promise<boolean>;
}

/** Runs to the end, or until it is stopped; returns whether it reached the end. Throws if it cannot. */
export async function runRequest(
  manifest: Manifest,
  graphs: Graphs,
  seeds: Seeds | null,
  request: RunRequest,
  listener: RunListener,
): Promise<boolean> {
  const stages = buildStages(manifest, seeds, request);
  const whole = stages.at(-1);
  const first = stages[0];
  if (!whole || !first) throw new Error("There is no problem.");
  await graphs.get(first.structure);
  if (await listener.isStopped()) return false;
  const parameters = parametersOf(manifest, request);
  listener.started(Number(parameters["steps"]), describe(manifest, { ...whole, parameters }, request));
  const began = performance.now();
  let before: { problem: Problem; frame: RunFrame } | null = null;
  let steps = 0;
  for (const stage of stages) {
    const problem: Problem = before ? continued(stage, before) : stage;
    const earlierSteps = steps;
    let last: RunFrame | null = null;
    for await (const frame of framesOf(graphs, problem, began)) {
      last = frame;
      // The start of a further size shows the end of the one before.
      if (earlierSteps === 0 || frame.step > 0)
        listener.frame(enlargedFrame({ ...frame, step: earlierSteps + frame.step }, whole.size));
      const isLast = frame.step === problem.steps && stage === whole;
      if (!isLast && (await listener.isStopped())) return false;
    }
    if (!last) throw new Error("There is no frame.");
    before = { problem: stage, frame: last }; // whose start is not yet changed
    steps += problem.steps;
  }
  return true;
}

/** A stage that starts from what the one before changed. */
function continued(stage: Problem, { problem, frame }: { problem: Problem; frame: RunFrame }): Problem {
  const starts = stage.starts.map((start, index) =>
    changedStart(start, stage.region, stage.size, { start: problem.starts[index] ?? start, frame, index }),
  );
  return { ...stage, starts };
}

/** The frames of one problem. */
async function* framesOf(graphs: Graphs, problem: Problem, began: number): AsyncGenerator<RunFrame> {
  const graph = await graphs.get(problem.structure);
  const drawn = problem.jitter && shifts(problem.jitter, problem.size);
  let bound = graph.bind({ ...problem.values, ...drawn?.next().value });
  let pictures = [...problem.starts];
  for (let step = 0; step <= problem.steps; step++) {
    const results = await stepAll(graph, pictures, problem, bound);
    yield frameOf(step, results, problem, (performance.now() - began) / 1000);
    pictures = results.map(({ next }) => next);
    if (drawn) bound = graph.bind({ ...problem.values, ...drawn.next().value });
  }
}

async function stepAll(
  graph: Graph,
  pictures: readonly Float32Array[],
  { starts }: Problem,
  bound: Feeds,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, x] of pictures.entries()) results.push(await graph.step(x, starts[index] ?? x, bound));
  return results;
}

function frameOf(step: number, results: readonly StepResult[], { size, steps }: Problem, seconds: number): RunFrame {
  const row = (place: number) => results.map(({ numbers }) => numbers[place] ?? NaN);
  const loss = row(0);
  const bad = loss.find((value) => !Number.isFinite(value));
  if (bad !== undefined) {
    throw new UserError(
      "loss-not-finite",
      `The loss is ${bad} at step ${step}, where the run stops; the frames before it are kept. Take smaller steps.`,
      { step },
    );
  }
  const classes = results.map(({ numbers }) => numbers.subarray(METRICS));
  const isKnown = classes.some(({ length }) => length > 0);
  return {
    step,
    pictures: { count: results.length, width: size, height: size, pixels: joined(results.map(({ bytes }) => bytes)) },
    loss,
    probability: row(1),
    distance: row(2),
    seconds,
    probabilities: isKnown ? Float32Array.from(classes.flatMap((values) => [...values])) : null,
    gradient: step < steps ? joined(results.map(({ gradient }) => gradient)) : null,
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

function describe({ model }: Manifest, problem: Problem, { picture, mask }: RunRequest): RunDescription {
  const { seed } = problem.parameters;
  return {
    task: problem.task.name,
    parameters: problem.parameters,
    seed: typeof seed === "number" ? seed : null,
    model: model.name,
    fingerprint: model.fingerprint,
    target: problem.target,
    classes: model.classes,
    radius: problem.radius,
    ...(picture && { picture }),
    ...(mask && { mask }),
  };
}
