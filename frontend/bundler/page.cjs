// Bundles Robust Studio's page: what `robust-widgets page` copies, with ONNX Runtime's own files.
const { copyFileSync, mkdirSync, rmSync } = require("node:fs");
const { join, resolve } = require("node:path");
const { build, bundle, target } = require("./common.cjs");

const source = resolve(__dirname, "../page");
const folder = join(target, "page");

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
copyFileSync(join(source, "index.html"), join(folder, "index.html"));
build([bundle("page", join(source, "src/main.ts"), folder)]);
