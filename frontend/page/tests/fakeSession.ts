/** A session without a model: each run fades its start to grey, one step per call of `advance`. As Python's FakeSession. */
import type {
  ModelInfo,
  ModelLoaded,
  RunFrame,
  RunListener,
  RunRequest,
  RunState,
  Session,
} from "@robust-widgets/shared/session";

export const MODEL: ModelInfo = {
  name: "fake",
  classes: ["dog", "cat", "goldfish"],
  inputSize: 16,
  device: "cpu",
  description: "no model",
  claim: "",
  source: "fake",
  fingerprint: "0123abcd",
  features: [
    { name: "fur 1", unit: 3, classes: ["dog", "cat"], thumbnail: "features/0.jpg" },
    { name: "water 1", unit: 5, classes: ["goldfish"], thumbnail: "features/1.jpg" },
  ],
  classPictures: [],
  synonyms: [["hound"], ["kitty"], []],
};

export class FakeSession implements Session {
  readonly requests: RunRequest[] = [];
  isClosed = false;
  private run = 0;
  private listener: RunListener | null = null;
  private steps = 0;
  private step = 0;

  constructor(
    readonly model = MODEL,
    readonly loading = false,
  ) {}

  onLoaded(listener: (loaded: ModelLoaded) => void): void {
    queueMicrotask(() => listener({ message: "", code: "", values: {}, details: "" }));
  }

  submit(request: RunRequest, listener: RunListener): number {
    this.cancel();
    this.requests.push(request);
    this.run++;
    this.listener = listener;
    this.step = 0;
    this.steps = Number(request.parameters["steps"] ?? 10);
    const seed = request.parameters["seed"];
    listener({
      kind: "started",
      run: this.run,
      steps: this.steps,
      description: {
        task: request.task,
        parameters: request.parameters,
        seed: typeof seed === "number" ? seed : null,
        model: this.model.name,
        fingerprint: this.model.fingerprint,
        target: request.target,
        classes: this.model.classes,
        radius: Number(request.parameters["epsilon"] ?? 40) / 14,
        ...(request.picture && { picture: request.picture }),
        ...(request.mask && { mask: request.mask }),
      },
    });
    this.emit();
    return this.run;
  }

  /** Makes more frames; the run ends after its last step. */
  advance(count = 1): void {
    for (let made = 0; made < count && this.listener; made++) {
      this.step++;
      this.emit();
    }
  }

  cancel(): void {
    this.end("stopped");
  }

  fail(message: string, details = "", code = ""): void {
    this.end("failed", message, details, code);
  }

  close(): void {
    this.cancel();
    this.isClosed = true;
  }

  private emit(): void {
    const request = this.requests.at(-1);
    if (!request) return;
    const size = this.model.inputSize;
    const count = Number(request.parameters["n"] ?? 1);
    const progress = this.step / this.steps;
    const level = Math.round(128 * progress);
    const pixels = new Uint8Array(count * size * size * 3).map((_, at) =>
      at % 3 === 0 ? level : (at * 7 + level) % 256,
    );
    const each = (value: number) => Array.from({ length: count }, () => value);
    const frame: RunFrame = {
      step: this.step,
      pictures: { count, width: size, height: size, pixels },
      loss: each(3 * (1 - progress)),
      probability: each(progress),
      distance: each(this.step / 14),
      seconds: this.step / 50,
      probabilities: Float32Array.from({ length: 3 * count }, (_, at) => (at % 3 ? (1 - progress) / 2 : progress)),
      gradient: this.step < this.steps ? new Uint8Array(count * size * size).fill(200) : null,
    };
    this.listener?.({ kind: "frame", run: this.run, frame });
    if (this.step >= this.steps) this.end("done");
  }

  private end(state: RunState, message = "", details = "", code = ""): void {
    const { listener } = this;
    this.listener = null;
    listener?.({ kind: "ended", run: this.run, state, message, code, values: {}, details });
  }
}
