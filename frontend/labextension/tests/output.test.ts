import { describe, expect, test } from "vitest";
import { MIME, readOutput } from "../src/output/read";

/** The head of a JPEG of this size, and a letter for its picture, in base64. */
const jpeg = (side: number, letter = "") =>
  btoa(
    "\xff\xd8\xff\xe0\0\x02\xff\xc0\0\x11\x08" + String.fromCharCode(side >> 8, side & 255).repeat(2) + letter + "...",
  );

const RUN = {
  title: "größer",
  task: "sketch to image",
  last: 4,
  recorded: 5,
  steps: [0, 4],
  loss: [2, null],
  probability: [0.1, 0.9],
  distance: [0, 3],
  radius: null,
  frames: [jpeg(8, "a"), jpeg(8, "b")],
};
const TOLD = {
  name: "0123",
  header: {
    task: "sketch_to_image",
    model: "default",
    fingerprint: "00ff",
    seed: 3,
    target: "größer",
    knobs: { steps: 4 },
  },
  frames: 5,
  pictures: { count: 1, height: 8, width: 8 },
};

/** As the kernel writes it: a page in an attribute, in single quotes. */
function html(runs: unknown): string {
  const json = JSON.stringify(runs).replaceAll("<", "\\u003c");
  const page = `<body><script type="application/json" id="runs">${json}</script>`;
  const quoted = page.replaceAll("&", "&amp;").replaceAll("'", "&#39;");
  return `<iframe srcdoc='${quoted}'></iframe><style>.rw-player+style+img{display:none}</style><img alt="">`;
}

const bundle = (info: object = {}, runs: unknown[] = [RUN]) => ({
  [MIME]: { version: 1, standsIn: false, runs: [TOLD], ...info },
  "text/html": html(runs),
  "text/plain": "a run",
});

describe("an output", () => {
  test("is what was info of each run, and what the player beside it has", () => {
    expect(readOutput(bundle())).toEqual({ runs: [{ info: TOLD, run: RUN }], standsIn: false });
    expect(readOutput(bundle({ standsIn: true }))?.standsIn).toBe(true);
  });

  test("is read from a file, too, where texts are lists of lines", () => {
    const { "text/html": text } = bundle();
    expect(readOutput({ ...bundle(), "text/html": [text.slice(0, 40), text.slice(40)] })?.runs).toHaveLength(1);
  });

  test("with quotes and ampersands in a name comes through", () => {
    const run = { ...RUN, title: `&amp; 'one' "two" </script><script>alert(1)</script>` };
    expect(readOutput(bundle({}, [run]))?.runs[0]?.run.title).toBe(run.title);
  });

  test.each([
    ["of another version", bundle({ version: 2 })],
    ["with more info than shown", bundle({ runs: [TOLD, TOLD] })],
    ["with nothing", bundle({ runs: [] }, [])],
    ["with odd runs", bundle({ runs: [{ ...TOLD, header: { task: 3 } }] })],
    ["with fewer pictures than steps", bundle({}, [{ ...RUN, frames: [jpeg(8)] }])],
    ["with huge pictures", bundle({}, [{ ...RUN, frames: [jpeg(8), jpeg(30_000)] }])],
    ["with other pictures", bundle({}, [{ ...RUN, frames: [jpeg(8), "bGFzdA=="] }])],
    ["with words for numbers", bundle({}, [{ ...RUN, loss: ["a", null] }])],
    ["with odd steps", bundle({}, [{ ...RUN, steps: [0, "4"] }])],
    ["with an endless title", bundle({}, [{ ...RUN, title: "a".repeat(2000) }])],
    ["with code for a parameter", bundle({ runs: [{ ...TOLD, header: { ...TOLD.header, knobs: { "a=1)\n": 1 } } }] })],
    ["with no pictures", bundle({ runs: [{ ...TOLD, pictures: { count: 0, height: 8, width: 8 } }] })],
    ["with no steps", bundle({}, [{ ...RUN, steps: [], loss: [], probability: [], distance: [], frames: [] }])],
    ["with no list of runs", { ...bundle(), "text/html": html({}) }],
    ["with another page", { ...bundle(), "text/html": "<iframe srcdoc='<p>'></iframe>" }],
    ["without its player", { ...bundle(), "text/html": undefined }],
    ["without a word of ours", { "text/html": html([RUN]) }],
  ])("%s is not played", (_, given) => {
    expect(readOutput(given)).toBeUndefined();
  });
});
