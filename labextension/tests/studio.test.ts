import { expect, test } from "vitest";
import { show } from "../src/studio/code";
import { isForStudio } from "../src/studio/files";

test.each([
  [{}, "robust_widgets.lab.show()"],
  [{ file: "", model: "" }, "robust_widgets.lab.show()"],
  [{ file: "fish.rwtrace" }, 'robust_widgets.lab.show("fish.rwtrace")'],
  [{ model: "tiny" }, 'robust_widgets.lab.show(model="tiny")'],
  [
    { file: 'a "quoted"\n\\name.png', model: "tiny" },
    'robust_widgets.lab.show("a \\"quoted\\"\\n\\\\name.png", model="tiny")',
  ],
])("%j is asked of the kernel as Python", (wish, wanted) => {
  expect(show(wish).split("\n").at(-1)).toBe(wanted);
});

test.each(["a.png", "a.PNG", "b/c.jpeg", "c.JPG", "d.webp", "e.rwtrace"])("%s is for the studio", (path) => {
  expect(isForStudio(path)).toBe(true);
});

test.each(["a.gif", "png", "a.png.txt", "folder.d", ""])("%j is not for the studio", (path) => {
  expect(isForStudio(path)).toBe(false);
});
