import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { describe, expect, test } from "vitest";
import { configSchema, readConfig } from "../../src/config.ts";

const read = (file: string) =>
  readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

const variables = Object.entries(configSchema.shape);

const text = read(".env.example");

const documentation = (name: string) =>
  text.split("\n\n").find((block) => block.includes(`\n${name}=`));

describe(".env.example", () => {
  const example = parseEnv(text);

  test("documents exactly the variables of the schema", () => {
    expect(Object.keys(example)).toEqual(
      variables.map(([name]) => name).sort(),
    );
  });

  test.each(variables)(
    "shows a valid %s, the default if any",
    (name, schema) => {
      const value = schema.parse(
        example[name] === "" ? undefined : example[name],
      );
      const byDefault = schema.safeParse(undefined);
      if (byDefault.success) expect(value).toEqual(byDefault.data);
    },
  );

  test.each(variables)("describes %s", (name, schema) => {
    const block = documentation(name);
    const { data } = schema.safeParse(undefined);
    const shown = String(data ?? "") || "none";
    expect(block).toMatch(/^# Type: \S/m);
    expect(block).toContain(`\n# Default: ${shown}\n`);
    expect(block).toMatch(/^# Set in: \S/m);
  });
});

describe.each(["local", "sandbox", "testbed", "live"])(
  ".env.%s.example",
  (environment) => {
    const example = parseEnv(read(`.env.${environment}.example`));

    test("passes the schema and names its environment", () => {
      expect(readConfig(example).APP_ENV).toBe(environment);
    });

    test.each(Object.keys(example))(
      "is named as a place that sets %s",
      (name) => {
        const block = documentation(name);
        expect(block).toMatch(
          new RegExp(`^# Set in: .*\\b${environment}\\b`, "m"),
        );
      },
    );

    test("sets no variable unknown to the schema", () => {
      expect(Object.keys(configSchema.shape)).toEqual(
        expect.arrayContaining(Object.keys(example)),
      );
    });
  },
);
