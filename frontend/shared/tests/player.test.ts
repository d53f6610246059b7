import { beforeEach, expect, test, vi } from "vitest";
import { player, type Run } from "../src/player";

const RUN: Run = {
  title: "goldfish",
  task: "generate",
  last: 4,
  steps: [0, 2, 4],
  loss: [3, 2, 1],
  probability: [0.1, 0.5, 0.9],
  distance: [0, 3, 5],
  radius: 5,
  frames: ["a", "b", "c"],
};
const chosen = vi.fn();

beforeEach(() => chosen.mockReset());

function open(runs: Run[]): HTMLElement {
  const { signal } = new AbortController();
  const root = player(runs, { urlOf: (key) => `picture:${key}`, signal, chosen });
  document.body.append(root);
  return root;
}

const picture = (root: HTMLElement) => root.querySelector<HTMLImageElement>(".rw-player-picture");
const text = (root: HTMLElement, name: string) => root.querySelector(`.rw-player-${name}`)?.textContent;

test("a run opens at its last step", () => {
  const root = open([RUN]);
  expect(picture(root)?.src).toBe("picture:c");
  expect(picture(root)?.alt).toBe("goldfish, step 4");
  expect(text(root, "title")).toBe("goldfish · generate");
  expect(text(root, "line")).toBe("step 4 of 4, probability 90 %");
  expect(text(root, "kept")).toBe("");
  expect(root.querySelector<HTMLElement>(".rw-player-runs")?.hidden).toBe(true);
});

test("keys step through it", () => {
  const root = open([RUN]);
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
  expect([picture(root)?.src, root.dataset["step"]]).toEqual(["picture:b", "2"]);
  root.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
  expect(text(root, "line")).toBe("step 0 of 4, probability 10 %");
});

test("of several runs the newest is shown, and each can be chosen by click and arrow", () => {
  const root = open([RUN, { ...RUN, title: "", task: "sketch" }]);
  const buttons = [...root.querySelectorAll<HTMLButtonElement>(".rw-player-run")];
  expect(buttons.map((button) => button.title)).toEqual(["run 1: goldfish, generate", "run 2: sketch"]);
  expect(root.dataset["run"]).toBe("1");
  buttons[0]?.click();
  expect([root.dataset["run"], buttons[0]?.getAttribute("aria-pressed")]).toEqual(["0", "true"]);
  buttons[0]?.focus();
  buttons[0]?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  expect([root.dataset["run"], document.activeElement]).toEqual(["1", buttons[1]]);
  expect(chosen.mock.calls).toEqual([[1], [0], [1]]);
});

test("it says how many pictures are left out", () => {
  expect(text(open([{ ...RUN, recorded: 61 }]), "kept")).toBe("3 of 61 pictures are kept here");
});

test("without runs it says so", () => {
  const root = open([]);
  expect(text(root, "line")).toBe("There are no runs yet.");
  expect(root.querySelector<HTMLInputElement>(".rw-view-slider")?.disabled).toBe(true);
});
