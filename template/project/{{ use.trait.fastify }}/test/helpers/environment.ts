import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { z } from "zod";
import { environmentSchema } from "../../src/config.ts";

/** Every variable the service reads, by name. */
export const variables: Readonly<Record<string, z.core.$ZodType>> =
  environmentSchema.shape;

export const read = (file: string) =>
  readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/** What has no default: as a pipeline has it, or as the example for a laptop. */
export const required = Object.fromEntries(
  Object.entries(parseEnv(read(".env.local.example")))
    .filter(([name]) => {
      const variable = variables[name];
      return variable && !z.safeParse(variable, undefined).success;
    })
    .map(([name, value]) => [name, process.env[name] ?? value]),
);
