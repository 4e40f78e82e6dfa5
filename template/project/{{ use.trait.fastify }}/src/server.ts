import { buildApp } from "./app.ts";
import { ConfigError, readConfig } from "./config.ts";
import { serve } from "./lifecycle.ts";

const EX_CONFIG = 78; // from sysexits.h: configuration error

try {
  const config = readConfig(process.env);
  await serve(buildApp(config), config);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = EX_CONFIG;
}
