/** Which files a studio can be opened with. */
import { PathExt } from "@jupyterlab/coreutils";

const ENDINGS = [".png", ".jpg", ".jpeg", ".webp", ".rwtrace"];

export function isForStudio(path: string): boolean {
  return ENDINGS.includes(PathExt.extname(path).toLowerCase());
}
