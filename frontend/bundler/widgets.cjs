// Bundles each folder of widgets/src into one module and one style sheet, the form that anywidget loads.
const { existsSync, readdirSync, rmSync } = require("node:fs");
const { join, resolve } = require("node:path");
const { rspack } = require("@rspack/core");
const { typescript } = require("./typescript.cjs");

const source = resolve(__dirname, "../widgets/src");
const target = resolve(__dirname, "../../robust_widgets/static");
/** Those that JupyterLab 4.2 and the widgets' style sheets (:has, container queries) need. */
const BROWSERS = ["chrome 111", "firefox 121", "safari 16.4"];
const widgets = readdirSync(source).filter((name) => existsSync(join(source, name, "index.ts")));

// One compilation per widget: together they would share chunks, which anywidget cannot load.
const configuration = (name) => ({
  name,
  mode: "production",
  devtool: false,
  target: ["web", "es2022"],
  entry: { [name]: join(source, name, "index.ts") },
  output: {
    path: target,
    filename: "[name].js",
    cssFilename: "[name].css",
    module: true,
    library: { type: "modern-module" },
  },
  module: { rules: [typescript, { test: /\.css$/, type: "css" }] },
  resolve: { extensions: [".ts", ".js"] },
  optimization: {
    minimizer: [
      new rspack.SwcJsMinimizerRspackPlugin(),
      new rspack.LightningCssMinimizerRspackPlugin({ minimizerOptions: { targets: BROWSERS } }),
    ],
  },
  performance: false,
});

rmSync(target, { recursive: true, force: true });
const compiler = rspack(widgets.map(configuration));
compiler.run((error, stats) => {
  if (error) throw error;
  process.stdout.write(`${stats.toString("errors-warnings")}\n`);
  if (stats.hasErrors()) process.exitCode = 1;
  compiler.close(() => undefined);
});
