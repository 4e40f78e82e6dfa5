import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { environments, readSite } from "../../plugins/site.ts";

const read = (file: string) => parseEnv(readFileSync(file, "utf8"));

const documented = Object.keys(read(".env.example"));

test("whatever is documented has a name that says it is public", () => {
  for (const name of documented) expect(name).toMatch(/^VITE_/);
});

test.each(environments)("%s has an example of its own", (environment) => {
  const example = read(`.env.${environment}.example`);
  expect(readSite(example).environment).toBe(environment);
  for (const name of Object.keys(example)) expect(documented).toContain(name);
});
