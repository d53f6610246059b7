import { nullTranslator } from "@jupyterlab/translation";
import { expect, test } from "vitest";
import { player, type Run } from "@robust-widgets/shared/player";
import { parameterList } from "../src/viewer/parameters";
import { playerWords } from "@robust-widgets/shared/words";

/** A language in which each sentence stands between guillemets. */
const marked = {
  ...nullTranslator.load("robust_widgets"),
  __: (text: string, ...given: unknown[]) =>
    `«${given.reduce<string>((all, one, index) => all.replaceAll(`%${index + 1}`, String(one)), text)}»`,
};

const RUN: Run = {
  title: "TITLE",
  task: "TASK",
  last: 4,
  recorded: 5,
  steps: [0, 4],
  loss: [2, 1],
  probability: [0.1, 0.9],
  distance: [0, 3],
  radius: 3,
  frames: ["", ""],
};
const ASKED = {
  task: "TASK",
  target: "TITLE",
  model: "MODEL",
  fingerprint: "",
  seed: null,
  knobs: [["KNOB", "VALUE"]] as [string, unknown][],
  size: { count: 1, height: 8, width: 8 },
};
/** What people name, units and signs, which are no words of any language. */
const NAMES = /TITLE|TASK|MODEL|KNOB|VALUE|\bpx\b|ε/g;

function words(root: HTMLElement): string[] {
  const parts = [root, ...root.querySelectorAll<HTMLElement>("*")];
  const texts = parts.flatMap((part) => [...part.childNodes]).filter((node) => node.nodeType === Node.TEXT_NODE);
  const info = ["aria-label", "aria-valuetext", "title", "alt"];
  const attributes = parts.flatMap((part) => info.flatMap((name) => part.getAttribute(name) ?? []));
  const all = [...texts.map((node) => node.textContent ?? ""), ...attributes];
  return all.filter((text) => /\p{L}/u.test(text.replace(NAMES, "")));
}

test("each word of the player and of the list beside it is in JupyterLab's language", () => {
  const { signal } = new AbortController();
  const shown = player([RUN, RUN], { urlOf: () => "", signal, words: playerWords(marked) });
  const found = [
    ...words(shown),
    ...words(parameterList(ASKED, marked)),
    ...words(player([], { urlOf: () => "", signal, words: playerWords(marked) })),
  ];
  expect(found.length).toBeGreaterThan(20);
  expect(found.filter((text) => !text.includes("«"))).toEqual([]);
});
