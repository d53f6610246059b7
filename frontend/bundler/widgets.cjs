// Bundles each folder of widgets/src into one module and one style sheet, the form that anywidget loads.
const { existsSync, readdirSync, rmSync } = require("node:fs");
const { join, resolve } = require("node:path");
const { build, bundle, target } = require("./common.cjs");

const source = resolve(__dirname, "../widgets/src");
const widgets = readdirSync(source).filter((name) => existsSync(join(source, name, "index.ts")));

for (const name of existsSync(target) ? readdirSync(target) : []) {
  if (name !== "page") rmSync(join(target, name), { recursive: true });
}
// One compilation per widget: together they would share chunks, which anywidget cannot load.
const bundles = widgets.map((name) => bundle(name, join(source, name, "index.ts"), target));
// Has the page's engine, which is bundled with the page, compute for a notebook.
build([...bundles, bundle("browser", resolve(source, "../../page/src/notebook/index.ts"), target)]);
