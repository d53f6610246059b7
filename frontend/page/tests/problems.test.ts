import { describe, expect, it } from "vitest";
import { buildProblem, isKnown } from "../src/engine/problems";
import { Seeds } from "../src/engine/seeds";
import { bytes, distance, fixtures, maskOf, picture, request, thinned } from "./fixtures";

const { manifest } = fixtures;
const seeds = manifest.seeds && new Seeds(bytes(fixtures.seeds).buffer, manifest.seeds);

describe("a problem is that of Python", () => {
  it.each(fixtures.starts)("$task $parameters", (wanted) => {
    const problem = buildProblem(manifest, seeds, request(wanted.task, wanted.target, wanted.parameters));
    expect(problem.starts.length).toBe(wanted.starts.length);
    for (const [index, start] of problem.starts.entries()) {
      expect(distance(thinned(start, fixtures.every), wanted.starts[index] ?? [])).toBeLessThan(1e-6);
    }
    expect(problem.parameters).toEqual({ ...problem.parameters, ...wanted.parameters, size: null });
    expect(problem.steps).toBe(wanted.steps);
    expect(problem.radius).toEqual(wanted.radius === null ? null : expect.closeTo(wanted.radius, 6));
    const { values } = problem;
    expect(values["step_size"]).toBeCloseTo(wanted.stepSize, 7);
    if (wanted.region) expect(distance(values["region"] as Uint8Array, wanted.region)).toBe(0);
    // A weight of 1 everywhere is the same as none.
    const weight = values["stepper.weight"] as Float32Array | undefined;
    if (wanted.stepWeight) expect(distance(weight ?? [], wanted.stepWeight)).toBeLessThan(1e-6);
    else if (wanted.task === "sketch_to_image") expect(weight?.every((value) => value === 1)).toBe(true);
    if (wanted.penalty !== null) expect(values["second.weight"]).toBe(wanted.penalty);
    if (wanted.outside) expect(distance(values["_weight"] as Float32Array, wanted.outside)).toBe(0);
  });

  it("marks strokes that are thinner than a pixel", () => {
    const problem = buildProblem(manifest, seeds, { ...request("inpaint", "dog"), mask: maskOf("stroke") });
    expect(distance(problem.values["region"] as Uint8Array, fixtures.strokeRegion)).toBe(0);
  });

  it("goes on from given pictures", () => {
    const start = { ...picture, count: 1 };
    const problem = buildProblem(manifest, seeds, { ...request("generate", "dog", { n: 3 }), start });
    expect(problem.starts.length).toBe(1);
    expect(problem.radius).toBeGreaterThan(0);
  });
});

describe("what cannot be run says so", () => {
  const fails = (changes: object, task = "inpaint") =>
    expect(() => buildProblem(manifest, seeds, { ...request(task, "dog"), ...changes }));
  const painted = (value: number) => ({ ...maskOf("hole"), levels: new Uint8Array(61 * 47).fill(value) });
  const aside = new Uint8Array(61 * 47);
  for (let row = 0; row < 47; row++) aside.fill(255, row * 61, row * 61 + 4);

  it("where something is missing or useless", () => {
    fails({ picture: undefined }).toThrow("There is no picture to start from");
    fails({ mask: undefined }).toThrow("There is no mask");
    fails({ mask: painted(0) }).toThrow("The mask is empty; mark");
    fails({ mask: painted(255) }).toThrow("The mask covers the whole picture");
    fails({ mask: { ...maskOf("hole"), levels: aside } }).toThrow("empty in the middle square");
    fails({ target: "unicorn" }).toThrow("There is no class 'unicorn'");
    fails({ target: "99" }, "paint_features").toThrow("There is no feature '99'");
    fails({ task: "stylise" }).toThrow("no task 'stylise'");
  });

  it("where a parameter is unknown or out of range", () => {
    fails({ parameters: { steps: 0 } }).toThrow("steps is 0; give a whole number of at least 1 and at most 100000.");
    fails({ parameters: { steps: 1.5 } }).toThrow("steps is 1.5; give a whole number");
    fails({ parameters: { epsilon: NaN } }).toThrow("epsilon is NaN; give a finite number of at least 0.");
    fails({ parameters: { step_size: 0 } }).toThrow("give a finite number above 0.");
    fails({ parameters: { fill: "blur" } }).toThrow("fill is 'blur'; give 'harmonic' or 'mean'.");
    fails({ parameters: { penalty: -1 } }).toThrow("give 'paper', a finite number of at least 0 or None.");
    fails({ parameters: { knobs: 1 } }).toThrow("The parameter knobs of inpaint is unknown");
    fails({ parameters: { size: 64 } }).toThrow("size is 64; give 20, 40, 80 or None.");
  });

  it("and a model may not do everything", () => {
    const other = { ...manifest, tasks: [], model: { ...manifest.model, missing: { inpaint: "It cannot." } } };
    expect(() => buildProblem(other, seeds, request("inpaint", "dog"))).toThrow("It cannot.");
    expect(() => buildProblem(manifest, null, request("generate", "dog"))).toThrow("no seed statistics");
    expect(isKnown("inpaint") && !isKnown("stylise") && !isKnown("toString")).toBe(true);
  });
});

it("finds a class by its name in any case, or by a synonym that it has alone", () => {
  const synonyms = [["puppy", "pet"], ["kitten", "pet"], ["carp"]];
  const named = { ...manifest, model: { ...manifest.model, synonyms } };
  const target = (name: string) => buildProblem(named, seeds, request("translate", name)).target;
  expect([target(" DOG"), target("Kitten"), target("carp")]).toEqual(["dog", "cat", "goldfish"]);
  expect(() => target("pet")).toThrow("There is no class");
});
