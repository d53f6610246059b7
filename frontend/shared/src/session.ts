/**
 * The session contract: how the studio asks for runs, wherever those are computed. It mirrors
 * `robust_widgets/interface/session.py`; pictures are bytes, RGB, rows from the top.
 */

/** Pictures of one size: `count * height * width * 3` bytes. */
export interface Pictures {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** A mask: `height * width` bytes, 255 where a task may paint. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly levels: Uint8Array;
}

/** One unit of a model's penultimate layer that can be painted with. */
export interface Feature {
  readonly name: string;
  /** Its index in the penultimate layer. */
  readonly unit: number;
  /** The classes that excite it most, strongest first. */
  readonly classes: readonly string[];
  /** The address of a picture that maximises it. */
  readonly thumbnail: string;
}

/** What the studio shows of a model. */
export interface ModelInfo {
  readonly name: string;
  /** In the order of the logits. */
  readonly classes: readonly string[];
  /** Width and height in pixels of its training pictures. */
  readonly inputSize: number;
  /** Where it runs; empty while it is being loaded. */
  readonly device: string;
  /** Its architecture, in a word. */
  readonly description: string;
  /** How it was trained, according to its file; empty if unknown. */
  readonly claim: string;
  /** The argument that makes Python's `load_model` load it; empty if it was made in Python. */
  readonly source: string;
  /** A hash of its weights, which runs record; empty if unknown. */
  readonly fingerprint: string;
  readonly features: readonly Feature[];
  /** The address of each class's picture, in the order of the logits; empty if there are none. */
  readonly classPictures: readonly string[];
  /** Other names of each class, in the order of the logits; empty if unknown. */
  readonly synonyms: readonly (readonly string[])[];
}

export type ParameterValue = number | string | null;
export type ParameterValues = Readonly<Record<string, ParameterValue>>;

/** What a run should do. */
export interface RunRequest {
  readonly task: string;
  /** The target class; for feature painting, the feature. */
  readonly target: string;
  /** The task's parameters by name, in the paper's units; those left out have their defaults. */
  readonly parameters: ParameterValues;
  /** One picture, of any shape, for tasks that start from one. */
  readonly picture?: Pictures;
  /** Of the picture's size, for tasks with a mask. */
  readonly mask?: Mask;
  /** To continue from, in place of the task's own start; epsilon is measured from here. */
  readonly start?: Pictures;
}

/** What is known of a run when it starts, as in Python's `RunRecord`. */
export interface RunDescription {
  readonly task: string;
  /** All parameters of the task, checked. */
  readonly parameters: ParameterValues;
  readonly seed: number | null;
  readonly model: string;
  readonly fingerprint: string;
  readonly target: string;
  readonly classes: readonly string[];
  /** Epsilon in the unit of the frames' distances; null if there is no limit. */
  readonly radius: number | null;
  readonly picture?: Pictures;
  readonly mask?: Mask;
}

/** One step of a run. Arrays have one number for each picture. */
export interface RunFrame {
  /** 0 for the start, then the number of updates so far. */
  readonly step: number;
  readonly pictures: Pictures;
  readonly loss: readonly number[];
  /** Of the target; NaN where it has no meaning. */
  readonly probability: readonly number[];
  /** From the start, in the constraint's norm and raw pixels. */
  readonly distance: readonly number[];
  /** Since the run began. */
  readonly seconds: number;
  /** Of every class, `count * classes`; null where unknown. */
  readonly probabilities: Float32Array | null;
  /**
   * Length of the gradient at each pixel, `count * height * width`, 255 at a picture's largest; null for the last
   * frame, because no step follows it.
   */
  readonly gradient: Uint8Array | null;
}

export type RunState = "done" | "stopped" | "failed";

export interface RunStarted {
  readonly kind: "started";
  readonly run: number;
  /** Updates to come; there is one frame more. */
  readonly steps: number;
  readonly description: RunDescription;
}

export interface FrameMade {
  readonly kind: "frame";
  readonly run: number;
  readonly frame: RunFrame;
}

/** The last event of a run. */
export interface RunEnded {
  readonly kind: "ended";
  readonly run: number;
  readonly state: RunState;
  /** One sentence if the run failed or there is something to say, else empty. */
  readonly message: string;
  /** Names the sentence, for translations; empty for one that has no name. */
  readonly code: string;
  /** What the sentence mentions. */
  readonly values: Readonly<Record<string, string | number>>;
  /** More for a report of the failure, else empty. */
  readonly details: string;
}

export type RunEvent = RunStarted | FrameMade | RunEnded;
export type RunListener = (event: RunEvent) => void;

/** The model is loaded, or could not be: then with a sentence that says why. `code` and `values` as of `RunEnded`. */
export interface ModelLoaded {
  readonly message: string;
  readonly code: string;
  readonly values: Readonly<Record<string, string | number>>;
  readonly details: string;
}

/** Runs one request at a time; the newest wins. Every submitted run gets exactly one `RunEnded`. */
export interface Session {
  readonly model: ModelInfo;

  /** Whether the model is still being loaded; requests submitted meanwhile start when it is ready. */
  readonly loading: boolean;

  /** Calls the listener once when the model is loaded or has failed to load; soon, if that has happened. */
  onLoaded(listener: (loaded: ModelLoaded) => void): void;

  /**
   * Starts a run, cancelling the current one; returns its number immediately.
   * Throws if the session is closed.
   */
  submit(request: RunRequest, listener: RunListener): number;

  /** Stops the current run within one step; does nothing if there is none. */
  cancel(): void;

  /** Cancels, and releases all resources. */
  close(): void;
}
