import { describe, expect, test } from "vitest";
import { OtherVersionError, readRun } from "../src/savedRun";
import { DamagedError } from "../src/zip";
import { archive, png, SAVED, zip } from "./archive";

describe("a saved run", () => {
  test("is what the player shows, and what was asked", () => {
    const { run, pictures, ...asked } = readRun(archive());
    expect(run).toEqual({
      title: "größer",
      task: "sketch to image",
      last: 1,
      steps: [0, 1],
      loss: [2.5, null],
      probability: [0.25, 0.75],
      distance: [0, 40],
      radius: 40,
      frames: ["0", "1"],
    });
    expect(pictures.map((picture) => new TextDecoder().decode(picture))).toEqual([
      png(8, 8, "first"),
      png(8, 8, "second"),
    ]);
    expect(asked).toEqual({
      task: "sketch_to_image",
      target: "größer",
      model: "default",
      fingerprint: "0123456789abcdef",
      seed: 3,
      knobs: [
        ["steps", 1],
        ["epsilon", 40],
        ["seed", 3],
      ],
      size: { count: 1, height: 8, width: 8 },
    });
  });

  test("of another version is info from a damaged one", () => {
    expect(() => readRun(archive({ version: 2 }))).toThrow(OtherVersionError);
  });

  test.each([
    ["a foreign format", { format: "something else" }],
    ["no version", { version: null }],
    ["more frames than pictures", { frames: 3 }],
    ["no frames", { frames: 0 }],
    ["fewer numbers than frames", { curves: { ...SAVED.curves, loss: [1] } }],
    ["words for numbers", { curves: { ...SAVED.curves, distance: ["a", "b"] } }],
    ["no header", { header: null }],
    ["a list for knobs", { header: { ...SAVED.header, knobs: [] } }],
    ["a number for a name", { header: { ...SAVED.header, model: 3 } }],
    ["code for a name", { header: { ...SAVED.header, knobs: { "steps=1)\nprint(": 1 } } }],
    ["a list for a knob", { header: { ...SAVED.header, knobs: { steps: [1] } } }],
    ["words for a fingerprint", { header: { ...SAVED.header, fingerprint: "00\nimport os" } }],
    ["an endless name", { header: { ...SAVED.header, target: "a".repeat(1001) } }],
    ["endless frames", { frames: 1e9 }],
    ["half a frame", { frames: 1.5 }],
    ["no pictures", { pictures: { count: 0, height: 8, width: 8 } }],
    ["pictures of another size", { pictures: { count: 1, height: 8, width: 9 } }],
  ])("with %s is refused", (_, change) => {
    expect(() => readRun(archive(change))).toThrow(DamagedError);
  });

  test.each(["run.json", "frames/00001.png"])("without %s is refused", (name) => {
    expect(() => readRun(archive({}, [name]))).toThrow(`${name} is missing`);
  });

  test("whose pictures are too large to be shown is refused", () => {
    const size = { pictures: { count: 4, height: 5936, width: 5936 } };
    const large = "\x7fPNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x2e\x60\0\0\x2e\x60";
    const others = { "frames/00000.png": large, "frames/00001.png": large };
    expect(() => readRun(archive(size, [], others))).toThrow("another size");
  });

  test("whose text is no JSON is refused", () => {
    expect(() => readRun(zip({ "run.json": '{"format": NaN}' }))).toThrow(DamagedError);
  });
});
