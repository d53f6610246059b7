/** Finds classes by name, synonym, part of a name, or index. As `class_search.py`. */

const [EXACT, BEGINS, WORDS_BEGIN, INSIDE] = [0, 1, 2, 3] as const;
/** Ranks, the best first: how a name matches, and whether it is a synonym. */
const BEST_FIRST = ["0f", "0t", "1f", "2f", "1t", "2t", "3f", "3t"];

export interface Match {
  name: string;
  index: number;
  /** The synonym that matches, if it matches better than the class's own name. */
  other: string;
}

interface Form {
  text: string;
  folded: string;
  words: string[];
}

const normalised = (text: string): string => text.trim().toLowerCase().normalize("NFC");
const folded = (text: string): string => (normalised(text).match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).join(" ");
const formOf = (text: string): Form => ({ text, folded: folded(text), words: folded(text).split(" ").filter(Boolean) });

export class ClassSearch {
  private readonly forms: Form[][];

  constructor(
    readonly names: readonly string[],
    synonyms: readonly (readonly string[])[] = [],
  ) {
    this.forms = names.map((name, index) => {
      // A name with commas, like those of ImageNet, is several names of one class.
      const parts = name.split(",").map((part) => part.trim());
      const all = [name, ...parts, ...(synonyms[index] ?? [])].filter(Boolean);
      return [...new Set(all)].map(formOf);
    });
  }

  /** Classes that match, the best first; all of them if nothing is wanted. */
  find(wanted: string): Match[] {
    const query = normalised(wanted);
    if (!query) return this.names.map((name, index) => ({ name, index, other: "" }));
    const form = formOf(query);
    const ranked: { rank: number; isPartial: boolean; match: Match }[] = [];
    this.names.forEach((name, index) => {
      if (query === String(index) && !this.names.some((other) => normalised(other) === query)) {
        ranked.push({ rank: -1, isPartial: false, match: { name, index, other: "" } });
        return;
      }
      const best = (this.forms[index] ?? [])
        .flatMap((own, position) => {
          const fit = fitOf(own, query, form);
          if (!fit) return [];
          const rank = BEST_FIRST.indexOf(`${fit.kind}${position ? "t" : "f"}`);
          return [{ rank, isPartial: fit.isPartial, match: { name, index, other: position ? own.text : "" } }];
        })
        .sort(compared)[0];
      if (best) ranked.push(best);
    });
    return ranked.sort(compared).map(({ match }) => match);
  }

  /** The class with exactly this name; undefined if there is none. */
  exactly(name: string): string | undefined {
    const query = normalised(name);
    return this.names.find((other) => normalised(other) === query);
  }

  /** The names that are most similar, the best first: matches, then similar spellings. */
  nearest(wanted: string, count = 3): string[] {
    const matches = wanted.trim() ? this.find(wanted).map(({ name }) => name) : [];
    const query = folded(wanted);
    const spelt = this.names
      .map((name, index) => ({
        name,
        likeness: Math.max(0, ...(this.forms[index] ?? []).map((own) => likeness(query, own.folded))),
      }))
      .sort((a, b) => b.likeness - a.likeness)
      .map(({ name }) => name);
    return [...new Set([...matches, ...spelt])].slice(0, count);
  }
}

const compared = (
  a: { rank: number; isPartial: boolean; match: Match },
  b: { rank: number; isPartial: boolean; match: Match },
): number => a.rank - b.rank || Number(a.isPartial) - Number(b.isPartial) || a.match.index - b.match.index;

function fitOf(own: Form, query: string, wanted: Form): { kind: number; isPartial: boolean } | null {
  if (!wanted.words.length) return normalised(own.text).includes(query) ? { kind: INSIDE, isPartial: true } : null;
  if (own.folded === wanted.folded) return { kind: EXACT, isPartial: false };
  const isPartial = wanted.words.some((word) => !own.words.includes(word));
  if (own.folded.startsWith(wanted.folded)) return { kind: BEGINS, isPartial };
  if (wanted.words.every((word) => own.words.some((other) => other.startsWith(word)))) {
    return { kind: WORDS_BEGIN, isPartial };
  }
  return own.folded.includes(wanted.folded) || normalised(own.text).includes(query)
    ? { kind: INSIDE, isPartial: true }
    : null;
}

/** Twice the shared pairs of letters, as a fraction of all pairs. */
function likeness(first: string, second: string): number {
  const pairs = (text: string) => Array.from({ length: text.length + 1 }, (_, at) => ` ${text} `.slice(at, at + 2));
  const [own, other] = [pairs(first), pairs(second)];
  const left = [...other];
  let shared = 0;
  for (const pair of own) {
    const at = left.indexOf(pair);
    if (at < 0) continue;
    shared++;
    left.splice(at, 1);
  }
  return (2 * shared) / (own.length + other.length);
}
