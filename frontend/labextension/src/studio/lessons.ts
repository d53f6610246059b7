/** The course's notebooks and answers, which are bundled as they are. */
const files = import.meta.webpackContext("../../../../notebooks", { regExp: /^\.\/(\w+\.ipynb|solutions\/\w+\.md)$/ });

/** Their text, by their path in the course's folder. */
export const LESSONS = Object.fromEntries(files.keys().map((path) => [path.slice(2), files(path)]));
