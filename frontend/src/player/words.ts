/** What the player says; a page with a language of its own hands in its own. */
import { TRANSPORT_WORDS, type TransportWords } from "../view/transport";

export interface PlayerWords extends TransportWords {
  /** The group of runs, to a screen reader. */
  runs: string;
  /** One of several runs; it counts from 1. */
  run: (number: number, what: string) => string;
  loss: string;
  target: string;
  distance: string;
  /** The picture, to a screen reader. */
  picture: (what: string, step: number) => string;
  line: (step: number, last: number, probability: string) => string;
  /** That not every step is here. */
  kept: (kept: number, recorded: number) => string;
  none: string;
}

export const ENGLISH: PlayerWords = {
  ...TRANSPORT_WORDS,
  runs: "runs",
  run: (number, what) => `run ${number}: ${what}`,
  loss: "loss",
  target: "target",
  distance: "distance",
  picture: (what, step) => `${what}, step ${step}`,
  line: (step, last, probability) => `step ${step} of ${last}, probability ${probability}`,
  kept: (kept, recorded) => `${kept} of ${recorded} pictures are kept here`,
  none: "There are no runs yet.",
};
