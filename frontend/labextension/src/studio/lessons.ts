/** The course's notebooks and solutions, bundled as text. */
const files = import.meta.webpackContext("../../../../notebooks", { regExp: /^\.\/(\w+\.ipynb|solutions\/\w+\.md)$/ });

/** Their text, by their path in the course's folder. */
export const LESSONS = Object.fromEntries(files.keys().map((path) => [path.slice(2), files(path)]));
