import { parseEnv } from "node:util";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readConfig } from "../../src/config.ts";
import { read, variables } from "../helpers/environment.ts";

const text = read(".env.example");

const documentation = (name: string) =>
  text.split("\n\n").find((block) => block.includes(`\n${name}=`));

describe(".env.example", () => {
  const example = parseEnv(text);

  test("documents exactly the variables of the schema", () => {
    expect(Object.keys(example).sort()).toEqual(Object.keys(variables).sort());
  });

  test("has every variable that the README tells of", () => {
    const told = read("README.md").match(/^\| variable .*\n(\|.*\n)*/gm) ?? [];
    const names = told.join().match(/(?<=^\| `)\w+/gm) ?? [];
    expect(Object.keys(example)).toEqual(expect.arrayContaining([...names]));
  });

  test.each(Object.entries(variables))(
    "shows a valid %s, the default if any",
    (name, schema) => {
      const value = z.parse(
        schema,
        example[name] === "" ? undefined : example[name],
      );
      const byDefault = z.safeParse(schema, undefined);
      if (byDefault.success) expect(value).toEqual(byDefault.data);
    },
  );

  test.each(Object.entries(variables))("describes %s", (name, schema) => {
    const block = documentation(name);
    const { data, success } = z.safeParse(schema, undefined);
    const shown = success ? [data].join() || "none" : "none, required";
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
      expect(Object.keys(variables)).toEqual(
        expect.arrayContaining(Object.keys(example)),
      );
    });
  },
);
