/** A page with four tasks, for the fake model. */
import type { Manifest, ParameterDeclaration, TaskDeclaration } from "../src/manifest";
import { MODEL } from "./fakeSession";

const numberOf = (change: Partial<ParameterDeclaration> & { name: string }): ParameterDeclaration =>
  ({
    ...{ kind: "number", label: change.name, default: 4, low: 0, high: 20, step: 1, minimum: 0, aboveMinimum: false },
    ...{ maximum: 100, whole: true, optional: false, unit: "", help: "Help.", advanced: false },
    ...change,
  }) as ParameterDeclaration;

const PARAMETERS = [
  numberOf({ name: "steps", default: 4, minimum: 1 }),
  numberOf({ name: "epsilon", default: 40, high: 80 }),
  numberOf({ name: "seed", default: null, optional: true, advanced: true, maximum: 2 ** 32 }),
];

const taskOf = (change: Partial<TaskDeclaration> & { name: string }): TaskDeclaration => ({
  label: change.name,
  hint: "Hint.",
  summary: "Summary.",
  takesPicture: true,
  takesMask: false,
  target: "class",
  showsClass: false,
  parameters: PARAMETERS,
  fixed: {},
  uses: [],
  ...change,
});

export const MANIFEST = {
  ...{ version: 1, madeBy: "tests", title: "Robust Studio", task: "sketch_to_image", picture: "", model: MODEL },
  brush: [
    numberOf({ name: "brush_size", default: 36, low: 2, high: 120, whole: true }),
    numberOf({ name: "softness", default: 0.3, low: 0, high: 1, step: 0.05 }),
    numberOf({ name: "opacity", default: 1, low: 0.05, high: 1, step: 0.05 }),
  ],
  tasks: [
    taskOf({ name: "sketch_to_image" }),
    taskOf({ name: "generate", takesPicture: false, parameters: [...PARAMETERS, numberOf({ name: "n", default: 1 })] }),
    taskOf({ name: "inpaint", takesMask: true, showsClass: true }),
    taskOf({ name: "paint_features", takesMask: true, target: "feature" }),
  ],
} as unknown as Manifest;
