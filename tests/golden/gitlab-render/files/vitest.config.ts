import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // One more than there are cores: tests wait, for servers and for time to pass.
    maxWorkers: availableParallelism() + 1,
    coverage: {
      include: ["src/**"],
      reporter: [["cobertura", { file: "coverage.xml" }]],
      reportsDirectory: "test-results",
      clean: false, // ops/test empties the folder, and reports are written in any order
    },
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 15_000, // some start a server, slowly on a busy machine
        },
      },
    ],
  },
});
