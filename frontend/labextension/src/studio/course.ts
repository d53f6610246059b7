/** The course, in a folder of the person's. */
import { PathExt } from "@jupyterlab/coreutils";
import type { Contents } from "@jupyterlab/services";

/** As ``robust-widgets lab`` calls its copy. */
const COPY = "robust-widgets-course";
const INDEX = "index.ipynb";

type Manager = Pick<Contents.IManager, "get" | "save">;

/** Where the course's index is: a copy of the course in ``folder``, in which a file is never overwritten. */
export async function courseIn(folder: string, contents: Manager, lessons: Record<string, string>): Promise<string> {
  const course = await madeFolder(folder, COPY, contents);
  const listed = new Map<string, Promise<Set<string>>>();
  for (const [name, text] of Object.entries(lessons)) {
    const parts = PathExt.dirname(name);
    const place = PathExt.join(course, parts);
    if (!listed.has(place)) {
      if (parts) await madeFolder(course, parts, contents);
      listed.set(place, namesIn(place, contents));
    }
    if ((await listed.get(place))?.has(PathExt.basename(name))) continue;
    await contents.save(PathExt.join(course, name), contentOf(name, text));
  }
  return PathExt.join(course, INDEX);
}

/** A folder in another, made where it is missing. */
async function madeFolder(folder: string, name: string, contents: Manager): Promise<string> {
  const path = PathExt.join(folder, name);
  // To ask for the folder itself would leave an error in the browser's console where there is none.
  if (!(await namesIn(folder, contents)).has(name)) await contents.save(path, { type: "directory" });
  return path;
}

async function namesIn(folder: string, contents: Manager): Promise<Set<string>> {
  const listed = (await contents.get(folder)).content as Contents.IModel[];
  return new Set(listed.map(({ name }) => name));
}

function contentOf(name: string, text: string): Partial<Contents.IModel> {
  if (PathExt.extname(name) !== ".ipynb") return { type: "file", format: "text", content: text };
  return { type: "notebook", format: "json", content: JSON.parse(text) as unknown };
}
