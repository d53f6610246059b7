import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    include: ["*/tests/**/*.test.ts"],
    setupFiles: ["shared/tests/setup.ts"],
    // One page for all files of a worker: to create a new one takes longer than its tests.
    isolate: false,
  },
});
