import { expect, test, vi } from "vitest";
import { courseIn } from "../src/studio/course";

const LESSONS = { "index.ipynb": '{"cells": []}', "solutions/00.md": "# Answers" };

/** A contents manager over folders, by path, and the names in them. */
function holding(folders: Record<string, string[]>) {
  const content = (path: string) => (folders[path] ?? []).map((name) => ({ name }));
  return {
    get: vi.fn().mockImplementation((path: string) => Promise.resolve({ content: content(path) })),
    save: vi.fn(),
  };
}

test.each([
  ["", "robust-widgets-course"],
  ["a/b", "a/b/robust-widgets-course"],
])("the course is put into the folder %j", async (folder, course) => {
  const contents = holding({ [folder]: ["another.ipynb"] });
  expect(await courseIn(folder, contents, LESSONS)).toBe(`${course}/index.ipynb`);
  expect(contents.save.mock.calls).toEqual([
    [course, { type: "directory" }],
    [`${course}/index.ipynb`, { type: "notebook", format: "json", content: { cells: [] } }],
    [`${course}/solutions`, { type: "directory" }],
    [`${course}/solutions/00.md`, { type: "file", format: "text", content: "# Answers" }],
  ]);
});

test("what is there is left as it is", async () => {
  const course = "robust-widgets-course";
  const contents = holding({
    "": [course],
    [course]: ["index.ipynb", "solutions"],
    [`${course}/solutions`]: ["00.md"],
  });
  expect(await courseIn("", contents, LESSONS)).toBe("robust-widgets-course/index.ipynb");
  expect(contents.save).not.toHaveBeenCalled();
});

test("where the folder cannot be read, nothing is written", async () => {
  const [get, save] = [vi.fn().mockRejectedValue(new Error("refused")), vi.fn()];
  await expect(courseIn("", { get, save }, LESSONS)).rejects.toThrow("refused");
  expect(save).not.toHaveBeenCalled();
});
