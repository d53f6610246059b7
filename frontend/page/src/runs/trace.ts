/** A recorded run. As `record.py`. */
import type {
  Mask,
  ParameterValues,
  Pictures,
  RunDescription,
  RunFrame,
  RunRequest,
} from "@robust-widgets/shared/session";

/** What a run was made from. */
export interface RunInputs {
  readonly picture?: Pictures;
  readonly mask?: Mask;
  readonly start?: Pictures;
}

/** The record of one run. It grows during the run. */
export class Trace {
  constructor(
    readonly description: RunDescription,
    readonly inputs: RunInputs,
    readonly frames: RunFrame[] = [],
  ) {}

  static of(description: RunDescription, { picture, mask, start }: RunRequest): Trace {
    return new Trace(description, {
      ...(picture && { picture }),
      ...(mask && { mask }),
      ...(start && { start }),
    });
  }

  get length(): number {
    return this.frames.length;
  }

  get last(): RunFrame | undefined {
    return this.frames.at(-1);
  }

  get target(): string {
    return this.description.target;
  }

  get parameters(): ParameterValues {
    return this.description.parameters;
  }

  /** A frame, by default the last. */
  frame(step: number | null): RunFrame | undefined {
    return (step === null ? undefined : this.frames[step]) ?? this.last;
  }
}

/** NaN where it has no meaning. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
