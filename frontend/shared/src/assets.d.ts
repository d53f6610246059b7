declare module "*.css";

declare module "*.svg" {
  const text: string;
  export default text;
}

interface ImportMeta {
  /** The bundler's: the text of each file of a folder whose path from there matches. */
  webpackContext(folder: string, options: { regExp: RegExp }): { (path: string): string; keys(): string[] };
}
