/** Every word of the page has a German one, and none is left over. */
import { afterEach, expect, test } from "vitest";
import { english, say, setTranslation } from "@robust-widgets/shared/translation";
import { GERMAN } from "../src/messages/german";
import { GERMAN_PROBLEMS, GERMAN_TASKS } from "../src/messages/germanTasks";
import { chooseLanguage, sayProblem } from "../src/messages/language";

const SOURCES = import.meta.glob<string>(
  [
    "../src/**/*.ts",
    "!../src/messages/*.ts",
    "../../shared/src/*.ts",
    "../../widgets/src/{pad,view,palette,compare}/*.ts",
  ],
  { query: "?raw", import: "default", eager: true },
);
const TEXT = /"((?:[^"\\\n]|\\.)*)"/g;
const CODE = Object.values(SOURCES).join("\n");
const quoted = (text: string) => JSON.parse(`"${text}"`) as string;
/** Texts that are translated where they stand. */
const SAID = [...CODE.matchAll(/(?:\bsay|trans\.__)\(\s*"((?:[^"\\\n]|\\.)*)"/g)].map((match) =>
  quoted(match[1] ?? ""),
);
/** All texts: some are in a table and translated elsewhere. */
const WRITTEN = new Set([...SAID, ...[...CODE.matchAll(TEXT)].map((match) => quoted(match[1] ?? ""))]);
const LISTED = ["line", "fill", "brush", "eraser", "rectangle", "lasso", "eyedropper", "running", "stopped", "failed"];

afterEach(() => setTranslation(english));

test("the sources were found", () => {
  expect(Object.keys(SOURCES).length).toBeGreaterThan(50);
  expect(new Set(SAID).size).toBeGreaterThan(200);
});

test("each text that the page says has German words", () => {
  expect([...new Set(SAID)].filter((text) => !(text in GERMAN))).toEqual([]);
});

test("no German words are left over", () => {
  const own = Object.keys(GERMAN).filter((text) => !(text in GERMAN_TASKS));
  const bare = new Set([...CODE.matchAll(/^\s+(\w+):/gm)].map((match) => match[1]));
  expect(own.filter((text) => !WRITTEN.has(text) && !bare.has(text) && !LISTED.includes(text))).toEqual([]);
});

test("German keeps the places of values", () => {
  const places = (text: string) => [...text.matchAll(/%\d/g)].map(String).sort();
  for (const [text, words] of Object.entries(GERMAN)) expect(places(words), text).toEqual(places(text));
});

test("the language is that of the address, else of the browser, else English", () => {
  expect(chooseLanguage("?lang=de", ["en-GB"])).toBe("de");
  expect(say("%1 left", "3 s")).toBe("noch 3 s");
  expect(chooseLanguage("", ["fr", "de-AT", "en"])).toBe("de");
  expect(chooseLanguage("?lang=xx", ["fr"])).toBe("en");
  expect(say("%1 left", "3 s")).toBe("3 s left");
});

test("problems of the engine are translated by their names", () => {
  chooseLanguage("?lang=de", []);
  const problem = { message: "weights.bin is damaged.", code: "file-damaged", values: { name: "weights.bin" } };
  expect(sayProblem(problem)).toMatch(/^weights\.bin ist beschädigt/);
  expect(sayProblem({ message: "Anything else.", code: "new" })).toBe("Anything else.");
  for (const words of Object.values(GERMAN_PROBLEMS)) expect(words).toMatch(/\.$/);
});
