/** The files that a studio can open. */
import { PathExt } from "@jupyterlab/coreutils";

const EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp", ".rwtrace"];

export function isForStudio(path: string): boolean {
  return EXTENSIONS.includes(PathExt.extname(path).toLowerCase());
}
