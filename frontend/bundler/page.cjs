// Bundles Robust Studio's page: what `robust-widgets page` copies, with ONNX Runtime's own files.
const { copyFileSync, cpSync, mkdirSync, rmSync } = require("node:fs");
const { join, resolve } = require("node:path");
const { build, bundle, target } = require("./common.cjs");

const source = resolve(__dirname, "../page");
const folder = join(target, "page");
/** Of those that ONNX Runtime offers, the one without a GPU, and of those with one the smallest. */
const RUNTIME = ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.jspi"].flatMap((name) => [
  `${name}.mjs`,
  `${name}.wasm`,
]);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const file of ["index.html", "licences.txt"]) copyFileSync(join(source, file), join(folder, file));
for (const file of RUNTIME) copyFileSync(require.resolve(`onnxruntime-web/${file}`), join(folder, file));
cpSync(join(source, "static"), folder, { recursive: true });

const page = bundle("page", join(source, "src/main.ts"), folder);
const worker = bundle("serviceWorker", join(source, "src/serviceWorker.ts"), folder);
const engine = bundle("engine", join(source, "src/engine/worker.ts"), folder);
engine.output.chunkFilename = "engine-[name].js"; // one of the two runtimes is loaded
// The runtime then loads the files above itself.
engine.resolve.conditionNames = ["onnxruntime-web-use-extern-wasm", "import", "module", "default"];
engine.module.parser = { javascript: { url: false } }; // it mentions a file of its own that is not used
build([page, engine, worker]);
