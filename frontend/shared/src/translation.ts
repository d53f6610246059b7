/** The language of a page. English is in the code; a page may bring other words for it. */

/** As much of JupyterLab's translation bundle as is used here. */
export interface Translation {
  /** Translates a text, and replaces %1, %2, ... by the values. */
  __(text: string, ...values: (string | number)[]): string;
}

/** Puts values in place of %1, %2, ... */
export const filled = (text: string, values: readonly (string | number)[]): string =>
  text.replace(/%(\d)/g, (_, number) => String(values[Number(number) - 1]));

/** No translation. */
export const english: Translation = { __: (text, ...values) => filled(text, values) };

let current = english;

/** Sets the language of everything that is built from now on. */
export function setTranslation(translation: Translation): void {
  current = translation;
}

export const translation = (): Translation => current;

/** A text in the page's language. */
export const say = (text: string, ...values: (string | number)[]): string => current.__(text, ...values);
