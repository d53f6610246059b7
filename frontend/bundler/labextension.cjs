// Settings of @jupyter/builder for the JupyterLab extension.
const { typescript } = require("./typescript.cjs");

module.exports = {
  module: {
    rules: [
      typescript,
      { test: /\.svg$/, issuer: /\.ts$/, type: "asset/source" },
      { test: /[\\/]notebooks[\\/].*\.(ipynb|md)$/, type: "asset/source" },
    ],
  },
  // The licence of our own packages is that of the project.
  ignoreWarnings: [/license file for @robust-widgets/],
  resolve: { extensions: [".ts", ".js"] },
};
