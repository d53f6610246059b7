/** The player's words in JupyterLab's language. */
import type { TranslationBundle } from "@jupyterlab/translation";
import type { PlayerWords } from "../../frontend/src/player/words";

export function playerWords(trans: TranslationBundle): PlayerWords {
  return {
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
    run: (number, what) => trans.__("run %1: %2", number, what),
    loss: trans.__("loss"),
    target: trans.__("target"),
    distance: trans.__("distance"),
    picture: (what, step) => trans.__("%1, step %2", what, step),
    line: (step, last, probability) => trans.__("step %1 of %2, probability %3", step, last, probability),
    kept: (kept, recorded) => trans.__("%1 of %2 pictures are kept here", kept, recorded),
    none: trans.__("There are no runs yet."),
  };
}
