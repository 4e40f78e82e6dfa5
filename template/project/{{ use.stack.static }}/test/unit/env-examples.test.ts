import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { environments, readSite } from "../../plugins/site.ts";

const read = (file: string) => parseEnv(readFileSync(file, "utf8"));

const documented = Object.keys(read(".env.example"));

test("whatever is documented has a name that says whether it is public", () => {
  for (const block of readFileSync(".env.example", "utf8").split("\n\n")) {
    const name = /^(\w+)=/m.exec(block)?.[1];
    const secret = /^# Secret: yes/m.test(block);
    if (name) expect(name.startsWith("VITE_"), name).toBe(!secret);
  }
});

test.each(environments)("%s has an example of its own", (environment) => {
  const example = read(`.env.${environment}.example`);
  expect(readSite(example).environment).toBe(environment);
  for (const name of Object.keys(example)) expect(documented).toContain(name);
});
