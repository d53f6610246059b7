/** What `manifest.json` of a page contains: the model, the tasks and their recorded steps. Python writes it. */

import { type Content, damaged, download } from "./engine/download";
import { UserError } from "./engine/errors";
import { isKnown } from "./engine/problems";

/** Of the manifest's form. A page of another version is not read. */
export const VERSION = 1;

/** A number that can be set. */
export interface NumberParameter {
  readonly kind: "number";
  readonly name: string;
  readonly label: string;
  readonly default: number | null;
  /** The range of its slider. */
  readonly low: number;
  readonly high: number;
  readonly step: number;
  /** The smallest value allowed anywhere, and whether that itself is excluded. */
  readonly minimum: number;
  readonly aboveMinimum: boolean;
  /** The largest value allowed anywhere; null if there is none. */
  readonly maximum: number | null;
  readonly whole: boolean;
  /** Whether null is allowed. */
  readonly optional: boolean;
  /** The only values that a page can have; left out for no such limit. */
  readonly among?: readonly number[];
  readonly unit: string;
  readonly help: string;
  readonly advanced: boolean;
}

/** One of a few words. */
export interface ChoiceParameter {
  readonly kind: "choice";
  readonly name: string;
  readonly label: string;
  readonly default: string | null;
  /** The allowed words, and what each means. */
  readonly options: Readonly<Record<string, string>>;
  /** Whether a number of at least 0 is also allowed. */
  readonly weight: boolean;
  readonly optional: boolean;
  /** What null means, in a word or two. */
  readonly noneLabel: string;
  readonly unit: string;
  readonly help: string;
  readonly advanced: boolean;
}

export type ParameterDeclaration = NumberParameter | ChoiceParameter;

/** A task, as its `TaskSpec` in Python declares it. */
export interface TaskDeclaration {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly summary: string;
  readonly takesPicture: boolean;
  readonly takesMask: boolean;
  readonly target: "class" | "feature";
  /** Whether the input picture should already show the target class. */
  readonly showsClass: boolean;
  readonly parameters: readonly ParameterDeclaration[];
  /** Parameters that a page cannot vary, with the values that its runs have. */
  readonly fixed: Readonly<Record<string, number | string | null>>;
  /** The structure of each combination of its choices. */
  readonly uses: readonly StructureUse[];
}

export interface StructureUse {
  readonly choices: Readonly<Record<string, number | string | null>>;
  readonly structure: string;
}

/** A recorded step of one picture. */
export interface StructureDeclaration {
  readonly file: string;
  readonly inputs: readonly InputDeclaration[];
}

export interface InputDeclaration {
  /** Where its value is in Python's problem, such as `constraint.epsilon`; `x` for the pictures. */
  readonly name: string;
  readonly dtype: "float32" | "int64" | "bool";
  readonly shape: readonly number[];
}

/** An array in a file. */
export interface StoredArray {
  /** Its first byte. */
  readonly at: number;
  readonly dtype: "float16" | "float32";
  readonly shape: readonly number[];
}

/** The weights: arrays, and the graphs' constants that are made of them. */
export interface WeightsDeclaration {
  readonly file: string;
  /** How many values the constants have together. */
  readonly length: number;
  readonly stored: readonly (StoredArray & { readonly factor: number })[];
  readonly constants: readonly ConstantDeclaration[];
}

export interface ConstantDeclaration {
  /** Its first value. */
  readonly offset: number;
  /** Which array it is made of. */
  readonly stored: number;
  /** `flipped`: the first two axes swapped, and the others reversed. */
  readonly form: "same" | "flipped";
  /** Of the scale, in the constant; null for no scale. */
  readonly axis: number | null;
  /** The scale's first byte; float32, one value for each index of the axis. */
  readonly scale: number;
}

/** A Gaussian for each class, which generation starts from. */
export interface SeedsDeclaration {
  readonly file: string;
  readonly mean: StoredArray;
  readonly factor: StoredArray;
  readonly noise: StoredArray;
}

/** Python's constants. */
export interface Numbers {
  /** Epsilon and step size are in pixels of a picture of this width. */
  readonly referenceSize: number;
  readonly levels: number;
  /** Deviation of the noise on starts, before it is smoothed. */
  readonly noise: number;
  /** On pictures larger than the model's: the random shifts at most, in pixels. */
  readonly largestShift: number;
  /** Share of the steps after the model's own size, and of epsilon at the size after that, halved at each further one. */
  readonly finerSteps: number;
  readonly finerEpsilon: number;
  /** In pixels, of what is painted coarse to fine. */
  readonly smallestSize: number;
  /** Taps of the filter that smooths it. */
  readonly smoothing: readonly number[];
  readonly paperPenalty: number;
  readonly maskMiddle: number;
  readonly maskThin: number;
  /** Of the flat ground of a sketch: how far its colour may vary, how softly it begins, and what is too little on it. */
  readonly groundTolerance: number;
  readonly groundSoftened: number;
  readonly groundSmallest: number;
  /** Weight at a hole's edge, and the share of the width over which it rises. */
  readonly edge: number;
  readonly edgeWidth: number;
  readonly harmonicTolerance: number;
  readonly harmonicIterations: number;
}

export interface ModelDeclaration {
  readonly name: string;
  readonly classes: readonly string[];
  readonly synonyms: readonly (readonly string[])[];
  readonly inputSize: number;
  readonly description: string;
  readonly claim: string;
  readonly source: string;
  readonly fingerprint: string;
  readonly licence: readonly string[];
  /** Of the penultimate layer; 0 if the page cannot paint features. */
  readonly units: number;
  /** Tasks that the model cannot do, with the reason in a sentence. */
  readonly missing: Readonly<Record<string, string>>;
  /** In `pictures.json`. */
  readonly features: readonly FeatureDeclaration[];
  /** The address of each class's picture, in `pictures.json`; empty if there are none. */
  readonly classPictures: readonly string[];
  /** What to begin with at one click, in `pictures.json`. */
  readonly examples?: readonly ExampleDeclaration[];
}

/** A sketch, transparent where nothing is painted, or a photograph. */
export interface ExampleDeclaration {
  readonly task: string;
  /** What it shows, in a word. */
  readonly name: string;
  /** A class that it may become; empty if the model knows none that suits it. */
  readonly target: string;
  /** The address of the picture, which holds its data. */
  readonly picture: string;
}

export interface FeatureDeclaration {
  readonly name: string;
  readonly unit: number;
  readonly classes: readonly string[];
  /** The address of a picture, which holds its data. */
  readonly thumbnail: string;
}

export interface Manifest {
  readonly version: number;
  /** Of the package that made the page. */
  readonly madeBy: string;
  /** What the page is called. */
  readonly title: string;
  /** The task that it opens with. */
  readonly task: string;
  /** A file of the page that it opens with; empty for none. */
  readonly picture: string;
  readonly model: ModelDeclaration;
  /** In their order. */
  readonly tasks: readonly TaskDeclaration[];
  /** Width, softness and opacity of the brush. */
  readonly brush: readonly NumberParameter[];
  readonly structures: Readonly<Record<string, StructureDeclaration>>;
  readonly weights: WeightsDeclaration;
  readonly seeds: SeedsDeclaration | null;
  readonly numbers: Numbers;
  /** All files of the page. */
  readonly files: readonly string[];
  /** What is in each file, but in this one and those that list it. */
  readonly contents?: Readonly<Record<string, Content>>;
}

/** Reads the manifest of a page, and the pictures of its model. */
export async function loadManifest(base: string = document.baseURI): Promise<Manifest> {
  const [manifest, pictures] = await Promise.all([
    loadJson<Manifest>(new URL("manifest.json", base)),
    loadJson<Pick<ModelDeclaration, "features" | "classPictures" | "examples">>(new URL("pictures.json", base)),
  ]);
  if (manifest.version !== VERSION) {
    throw new UserError(
      "other-version",
      `This page was made by another version of robust-widgets (${manifest.madeBy}); make it again.`,
      { madeBy: manifest.madeBy },
    );
  }
  const tasks = manifest.tasks.filter(({ name }) => isKnown(name));
  return { ...manifest, tasks, model: { ...manifest.model, ...pictures } };
}

async function loadJson<Content>(address: URL): Promise<Content> {
  const bytes = await download(address);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Content;
  } catch {
    throw damaged(address);
  }
}
