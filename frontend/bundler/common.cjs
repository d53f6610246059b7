// What all bundles of the package's static folder share.
const { resolve } = require("node:path");
const { rspack } = require("@rspack/core");
const { typescript } = require("./typescript.cjs");

/** Those that JupyterLab 4.2 and the style sheets (:has, container queries) need. */
const BROWSERS = ["chrome 111", "firefox 121", "safari 16.4"];

exports.target = resolve(__dirname, "../../robust_widgets/static");

/** The settings of one bundle: a module with its style sheet. */
exports.bundle = (name, entry, path) => ({
  name,
  mode: "production",
  devtool: false,
  target: ["web", "es2022"],
  entry: { [name]: entry },
  output: {
    path,
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

/** Bundles, and reports mistakes. */
exports.build = (configurations) => {
  const compiler = rspack(configurations);
  compiler.run((error, stats) => {
    if (error) throw error;
    process.stdout.write(`${stats.toString("errors-warnings")}\n`);
    if (stats.hasErrors()) process.exitCode = 1;
    compiler.close(() => undefined);
  });
};
