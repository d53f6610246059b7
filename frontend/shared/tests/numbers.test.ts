import { expect, test } from "vitest";
import { duration, percent, plain, stepRate } from "../src/numbers";
import { ENGLISH, playerWords } from "../src/words";

test.each([
  [null, "-"],
  [undefined, "-"],
  [0, "0.00"],
  [0.0012345, "0.00123"],
  [0.00012, "1.2e-4"],
  [12.345, "12.3"],
  [-1234.6, "-1235"],
  [12345, "1.2e+4"],
])("%s is written %s", (value, text) => {
  expect(plain(value)).toBe(text);
});

test.each([
  [null, "-"],
  [0, "0 %"],
  [0.0042, "0.4 %"],
  [0.0995, "10 %"],
  [0.5, "50 %"],
  [1, "100 %"],
])("the fraction %s is %s", (value, text) => {
  expect(percent(value)).toBe(text);
});

test.each([
  [0.1, "1 s"],
  [59, "59 s"],
  [59.5, "1 min 0 s"],
  [125, "2 min 5 s"],
])("%s seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test("slow rates have a decimal", () => {
  expect([stepRate(9.94), stepRate(10.4)]).toEqual(["9.9", "10"]);
});

test("the English words have their values filled in, whatever is in these", () => {
  expect(ENGLISH.line(3, 60, "50 %")).toBe("step 3 of 60, probability 50 %");
  expect(ENGLISH.run(1, "100 %2 wool")).toBe("run 1: 100 %2 wool");
  expect(ENGLISH.kept(61, 71)).toBe("61 of 71 pictures are kept here");
});

test("each word is asked of the translation", () => {
  const words = playerWords({ __: (text, ...values) => `<${text}|${values.join(",")}>` });
  expect(words.play).toBe("<play|>");
  expect(words.picture("dog", 3)).toBe("<%1, step %2|dog,3>");
});
