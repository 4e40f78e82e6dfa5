import { readFileSync } from "node:fs";
import { z } from "zod";

// package.json is one level above src/ and dist/ alike.
const packageJson = readFileSync(
  new URL("../package.json", import.meta.url),
  "utf8",
);

export const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(packageJson));
