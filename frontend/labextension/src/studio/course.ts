/** Copies the course into a folder of the user. */
import { PathExt } from "@jupyterlab/coreutils";
import type { Contents } from "@jupyterlab/services";

/** The name that ``robust-widgets lab`` uses, too. */
const COPY = "robust-widgets-course";
const INDEX = "index.ipynb";

type Manager = Pick<Contents.IManager, "get" | "save">;

/** Copies the course into ``folder``, without overwriting any file; returns the path of its index. */
export async function courseIn(folder: string, contents: Manager, lessons: Record<string, string>): Promise<string> {
  const course = await createFolder(folder, COPY, contents);
  const listed = new Map<string, Promise<Set<string>>>();
  for (const [name, text] of Object.entries(lessons)) {
    const parts = PathExt.dirname(name);
    const place = PathExt.join(course, parts);
    if (!listed.has(place)) {
      if (parts) await createFolder(course, parts, contents);
      listed.set(place, namesIn(place, contents));
    }
    if ((await listed.get(place))?.has(PathExt.basename(name))) continue;
    await contents.save(PathExt.join(course, name), modelOf(name, text));
  }
  return PathExt.join(course, INDEX);
}

/** The path of a folder in another, which is created if it is missing. */
async function createFolder(folder: string, name: string, contents: Manager): Promise<string> {
  const path = PathExt.join(folder, name);
  // Requesting a missing folder would log an error in the browser's console.
  if (!(await namesIn(folder, contents)).has(name)) await contents.save(path, { type: "directory" });
  return path;
}

async function namesIn(folder: string, contents: Manager): Promise<Set<string>> {
  const listed = (await contents.get(folder)).content as Contents.IModel[];
  return new Set(listed.map(({ name }) => name));
}

function modelOf(name: string, text: string): Partial<Contents.IModel> {
  if (PathExt.extname(name) !== ".ipynb") return { type: "file", format: "text", content: text };
  return { type: "notebook", format: "json", content: JSON.parse(text) as unknown };
}
