/** Errors that say in a sentence what was given, what is allowed, and what to do. */
import type { ModelLoaded } from "@robust-widgets/shared/session";

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

/** Names of what may be mended by trying again. */
const PASSING: ReadonlySet<string> = new Set(["crashed", "download-cut", "download-missing", "file-damaged", "memory"]);

/** Whether it makes sense to try again what ended with a sentence of this name. */
export const isPassing = (code: string): boolean => PASSING.has(code);

/** What is said of an error; `what` begins the sentence of one that nobody expected, such as "The run failed". */
export function reportOf(error: unknown, what: string): ModelLoaded {
  const { message, code, values } = error instanceof UserError ? error : unexpected(error, what);
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message, code, values, details };
}

function unexpected(error: unknown, what: string): UserError {
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError || /memory|bad_alloc|\bOOM\b/i.test(reason)) {
    return new UserError("memory", "This browser is short of memory; close other tabs, then try again.");
  }
  const short = reason.replace(/\s+/g, " ").trim().replace(/\.$/, "").slice(0, 300);
  return new UserError("", `${what} (${short}).`);
}
