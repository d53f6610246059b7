import { expect, test } from "vitest";
import { formatValue } from "../src/viewer/parameters";

test.each([
  [40, "40"],
  [0.1 + 0.2, "0.3"],
  [1e-7, "1e-7"],
  [null, "-"],
  ["l2", "l2"],
  [true, "true"],
  [[1, 2], "[1,2]"],
])("a knob of %j is written %s", (value, wanted) => {
  expect(formatValue(value)).toBe(wanted);
});
