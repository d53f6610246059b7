/** The language of the page: that of the address (`?lang=de`), else the browser's, else English. */
import { filled, setTranslation } from "@robust-widgets/shared/translation";
import { GERMAN } from "./german";
import { GERMAN_PROBLEMS } from "./germanTasks";

interface Language {
  /** Words by the English ones. English has its words in the code. */
  readonly words: Readonly<Record<string, string>>;
  /** What the engine says, by the names of its sentences. */
  readonly problems: Readonly<Record<string, string>>;
}

const LANGUAGES: Readonly<Record<string, Language>> = {
  en: { words: {}, problems: {} },
  de: { words: GERMAN, problems: GERMAN_PROBLEMS },
};

/** A sentence of the engine, with its name and what it mentions. */
export interface Problem {
  readonly message: string;
  readonly code?: string;
  readonly values?: Readonly<Record<string, string | number>>;
}

let problems: Language["problems"] = {};

/** Sets the language of everything that is built from now on; returns its tag. */
export function chooseLanguage(search = location.search, preferred: readonly string[] = navigator.languages): string {
  const wanted = [new URLSearchParams(search).get("lang") ?? "", ...preferred];
  const tag = wanted.map((name) => name.toLowerCase().split("-")[0] ?? "").find((name) => name in LANGUAGES) ?? "en";
  const language = LANGUAGES[tag];
  problems = language?.problems ?? {};
  setTranslation({ __: (text, ...values) => filled(language?.words[text] ?? text, values) });
  document.documentElement.lang = tag;
  return tag;
}

/** What the engine says, in the language of the page. */
export function sayProblem({ message, code = "", values = {} }: Problem): string {
  return problems[code]?.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? "")) ?? message;
}
