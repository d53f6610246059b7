/** Errors that say in a sentence what was given, what is allowed, and what to do. */

/** A value that a person gave, or a file of the page, cannot be used. */
export class UserError extends Error {
  constructor(
    /** Names the sentence, for translations. */
    readonly code: string,
    message: string,
    /** What the sentence mentions. */
    readonly values: Readonly<Record<string, string | number>> = {},
  ) {
    super(message);
  }
}

export function sentenceOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  const reason = error instanceof Error ? error.message : String(error);
  return `The run failed (${reason.replace(/\s+/g, " ").trim().replace(/\.$/, "")}).`;
}

export function detailsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
