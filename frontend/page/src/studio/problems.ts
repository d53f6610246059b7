/** Problems that a person can mend; the message is a sentence for them. */
export class InputError extends Error {
  override readonly name = "InputError";
}
