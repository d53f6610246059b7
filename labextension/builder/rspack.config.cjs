// Types are stripped here and checked by tsc.
const typescript = {
  test: /\.ts$/,
  loader: "builtin:swc-loader",
  options: { jsc: { parser: { syntax: "typescript" }, target: "es2022" } },
  type: "javascript/auto",
};

module.exports = {
  module: {
    rules: [
      typescript,
      { test: /\.svg$/, issuer: /\.ts$/, type: "asset/source" },
      { test: /[\\/]notebooks[\\/].*\.(ipynb|md)$/, type: "asset/source" },
    ],
  },
  resolve: { extensions: [".ts", ".js"] },
};
