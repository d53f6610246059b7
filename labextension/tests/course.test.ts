import { expect, test, vi } from "vitest";
import { courseIn } from "../src/studio/course";

const NOTEBOOK = '{"cells": []}';
const refused = (status: number) => Object.assign(new Error("refused"), { response: { status } });

test.each([
  ["", "robust-widgets-start.ipynb"],
  ["a/b", "a/b/robust-widgets-start.ipynb"],
])("the notebook is put into the folder %j", async (folder, path) => {
  const [get, save] = [vi.fn().mockRejectedValue(refused(404)), vi.fn()];
  expect(await courseIn(folder, { get, save }, NOTEBOOK)).toBe(path);
  expect(save).toHaveBeenCalledExactlyOnceWith(path, { type: "notebook", format: "json", content: { cells: [] } });
});

test("a copy that is there is left as it is", async () => {
  const [get, save] = [vi.fn().mockResolvedValue({}), vi.fn()];
  await courseIn("", { get, save }, NOTEBOOK);
  expect(save).not.toHaveBeenCalled();
});

test("where the server does not say that there is none, nothing is written", async () => {
  const [get, save] = [vi.fn().mockRejectedValue(refused(500)), vi.fn()];
  await expect(courseIn("", { get, save }, NOTEBOOK)).rejects.toThrow("refused");
  expect(save).not.toHaveBeenCalled();
});
