/** The notebook to begin with, in a folder of the person's. */
import { PathExt } from "@jupyterlab/coreutils";
import type { Contents } from "@jupyterlab/services";

/** As ``robust-widgets lab`` calls its copy. */
const COPY = "robust-widgets-start.ipynb";

/** Where the notebook is: a copy in ``folder``, made once and never overwritten. */
export async function courseIn(
  folder: string,
  contents: Pick<Contents.IManager, "get" | "save">,
  notebook: string,
): Promise<string> {
  const path = PathExt.join(folder, COPY);
  // To ask for the file itself would leave an error in the browser's console where there is none.
  const listed = (await contents.get(folder)).content as Contents.IModel[];
  if (!listed.some(({ name }) => name === COPY))
    await contents.save(path, { type: "notebook", format: "json", content: JSON.parse(notebook) as unknown });
  return path;
}
