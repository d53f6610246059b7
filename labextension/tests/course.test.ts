import { expect, test, vi } from "vitest";
import { courseIn } from "../src/studio/course";

const NOTEBOOK = '{"cells": []}';
const holding = (...names: string[]) => vi.fn().mockResolvedValue({ content: names.map((name) => ({ name })) });

test.each([
  ["", "robust-widgets-start.ipynb"],
  ["a/b", "a/b/robust-widgets-start.ipynb"],
])("the notebook is put into the folder %j", async (folder, path) => {
  const [get, save] = [holding("another.ipynb"), vi.fn()];
  expect(await courseIn(folder, { get, save }, NOTEBOOK)).toBe(path);
  expect(get).toHaveBeenCalledExactlyOnceWith(folder);
  expect(save).toHaveBeenCalledExactlyOnceWith(path, { type: "notebook", format: "json", content: { cells: [] } });
});

test("a copy that is there is left as it is", async () => {
  const [get, save] = [holding("robust-widgets-start.ipynb"), vi.fn()];
  expect(await courseIn("", { get, save }, NOTEBOOK)).toBe("robust-widgets-start.ipynb");
  expect(save).not.toHaveBeenCalled();
});

test("where the folder cannot be read, nothing is written", async () => {
  const [get, save] = [vi.fn().mockRejectedValue(new Error("refused")), vi.fn()];
  await expect(courseIn("", { get, save }, NOTEBOOK)).rejects.toThrow("refused");
  expect(save).not.toHaveBeenCalled();
});
