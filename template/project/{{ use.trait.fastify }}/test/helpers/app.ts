import { onTestFinished } from "vitest";
import { buildApp } from "../../src/app.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { testRoutes } from "../fixtures/routes.ts";
import { required } from "./environment.ts";

/** An app without mock data, closed when the test ends, and what it logged. */
export function testApp(overrides: Partial<Config> = {}) {
  const lines: string[] = [];
  const config = {
    ...readConfig({ ...required, APP_ENV: "sandbox" }),
    ...overrides,
  };
  const app = buildApp(config, {
    logStream: { write: (line) => void lines.push(line) },
  });
  app.readinessChecks.clear(); // what they ask is not there in every test
  app.register(testRoutes);
  onTestFinished(() => app.close());
  return { app, lines };
}
