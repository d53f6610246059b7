/** What `manifest.json` of a page contains: the model, the tasks and their recorded steps. Python writes it. */

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
  readonly features: readonly FeatureDeclaration[];
}

export interface FeatureDeclaration {
  readonly name: string;
  readonly unit: number;
  readonly classes: readonly string[];
  /** A file of the page. */
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
}

/** Reads the manifest of this page. */
export async function loadManifest(address = "manifest.json"): Promise<Manifest> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be loaded (${response.status}); reload the page.`);
  const manifest = (await response.json()) as Manifest;
  if (manifest.version !== VERSION) {
    throw new Error(`This page was made by another version of robust-widgets (${manifest.madeBy}); make it again.`);
  }
  return manifest;
}
