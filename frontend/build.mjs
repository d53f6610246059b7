// Bundles each widget's front end into one module and one style sheet, which is what anywidget loads.
//
//     node build.mjs FOLDER            writes them
//     node build.mjs --compare FOLDER  fails if those in the folder are not what the sources make
import { build } from "esbuild";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

const compare = process.argv[2] === "--compare";
const folder = process.argv[compare ? 3 : 2];
const source = new URL("./src/", import.meta.url).pathname;
const entries = readdirSync(source, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({ in: join(source, name, "index.ts"), out: name }));

const { outputFiles } = await build({
  entryPoints: entries,
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  write: !compare,
});
const stale = (outputFiles ?? []).filter(({ path, text }) => !existsSync(path) || readFileSync(path, "utf8") !== text);
if (stale.length) {
  console.error(`${stale.map(({ path }) => basename(path)).join(", ")} is not what the sources make: run npm --prefix frontend run build`);
  process.exit(1);
}
