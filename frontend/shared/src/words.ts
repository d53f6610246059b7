/** The player's words, in English or in the language of the page. */
import { english, translation, type Translation } from "./translation";
import type { TransportWords } from "./transport";

export interface PlayerWords extends TransportWords {
  /** Accessible name of the list of runs. */
  runs: string;
  /** One of several runs; the number counts from 1. */
  run: (number: number, title: string) => string;
  loss: string;
  target: string;
  distance: string;
  /** Text alternative of the picture. */
  picture: (title: string, step: number) => string;
  line: (step: number, last: number, probability: string) => string;
  /** Says that the page holds fewer pictures than the run had. */
  kept: (kept: number, recorded: number) => string;
  none: string;
}

export const playerWords = (trans: Translation): PlayerWords => ({
  first: trans.__("first step"),
  previous: trans.__("previous step"),
  play: trans.__("play"),
  pause: trans.__("pause"),
  next: trans.__("next step"),
  last: trans.__("last step"),
  step: trans.__("step"),
  loop: trans.__("play in a loop"),
  speed: trans.__("speed"),
  runs: trans.__("runs"),
  run: (number, title) => trans.__("run %1: %2", number, title),
  loss: trans.__("loss"),
  target: trans.__("target"),
  distance: trans.__("distance"),
  picture: (title, step) => trans.__("%1, step %2", title, step),
  line: (step, last, probability) => trans.__("step %1 of %2, probability %3", step, last, probability),
  kept: (kept, recorded) => trans.__("%1 of %2 pictures are kept here", kept, recorded),
  none: trans.__("There are no runs yet."),
});

export const ENGLISH = playerWords(english);

/** The words in the language of the page. */
export const pageWords = (): PlayerWords => playerWords(translation());
