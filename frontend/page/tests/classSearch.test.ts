import { expect, test } from "vitest";
import { ClassSearch } from "../src/controls/classSearch";
import fixture from "./fixtures/classSearch.json";

const search = new ClassSearch(fixture.classes, fixture.synonyms);

test.each(Object.entries(fixture.results))("“%s” finds what Python finds", (query, wanted) => {
  expect(search.find(query).map(({ name, other }) => [name, other])).toEqual(wanted);
});

test("the nearest names of a misspelt one come first", () => {
  expect(search.nearest("goldfsh")[0]).toBe("goldfish");
  expect(search.nearest("schol bus")[0]).toBe("school bus");
  expect(search.nearest("bear", 2)).toEqual(["bear", "polar bear"]);
});
