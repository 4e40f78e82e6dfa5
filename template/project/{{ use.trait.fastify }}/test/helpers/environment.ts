import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import type { z } from "zod";
import { environmentSchema } from "../../src/config.ts";

/** Every variable the service reads, by name. */
export const variables: Readonly<Record<string, z.ZodType>> =
  environmentSchema.shape;

export const read = (file: string) =>
  readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/** What has no default: as a pipeline has it, or as the example for a laptop. */
export const required = Object.fromEntries(
  Object.entries(parseEnv(read(".env.local.example")))
    .filter(([name]) => variables[name]?.safeParse(undefined).success === false)
    .map(([name, value]) => [name, process.env[name] ?? value]),
);
