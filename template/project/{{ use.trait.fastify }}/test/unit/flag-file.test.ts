import { describe, expect, test } from "vitest";
import { merged, parseFlags } from "../../src/flag-file.ts";

const flag = {
  state: "ENABLED",
  variants: { on: true, off: false },
  defaultVariant: "off",
  targeting: { if: [true, "on"] },
} as const;

describe("parseFlags", () => {
  test("takes what flagd takes", () => {
    const file = {
      $schema: "https://flagd.dev/schema/v0/flags.json",
      $evaluators: { inside: { in: ["@example.com", { var: "email" }] } },
      flags: { a: { ...flag, metadata: { owner: "us", stays: true } } },
    };
    expect(parseFlags(JSON.stringify(file))).toEqual(file);
  });

  test.each([
    "",
    "<html>",
    "[]",
    "{}",
    '{ "flags": [] }',
    '{ "flags": { "a": {} } }',
    '{ "flags": { "a": { "state": "ON", "variants": { "on": true } } } }',
    '{ "flags": { "a": { "state": "ENABLED", "variants": {} } } }',
    '{ "flags": { "a": { "state": "ENABLED", "variants": { "on": true }, "defaultVariant": "no" } } }',
    '{ "flags": { "a": { "state": "ENABLED", "variants": { "on": true }, "targeting": "on" } } }',
  ])("takes no %j", (text) => {
    expect(() => parseFlags(text)).toThrow();
  });
});

describe("merged", () => {
  test("a later file counts more, flag by flag", () => {
    const first = { flags: { a: flag, b: flag }, $evaluators: { x: 1 } };
    const disabled = { ...flag, state: "DISABLED" as const };
    expect(merged([first, { flags: { b: disabled } }], {})).toEqual({
      flags: { a: flag, b: disabled },
      $evaluators: { x: 1 },
    });
  });

  test.each([
    [true, "on"],
    [false, "off"],
  ])("switched %j, it is that for everybody", (on, variant) => {
    const { flags } = merged([{ flags: { a: flag } }], { a: on, other: on });
    expect(flags).toEqual({
      a: { ...flag, defaultVariant: variant, targeting: {} },
    });
  });

  test("what has no such variant can only be switched off", () => {
    const colour = { ...flag, variants: { off: "red", on: "blue" } };
    const file = { flags: { colour } };
    expect(merged([file], { colour: true }).flags).toEqual({ colour });
    expect(merged([file], { colour: false }).flags).toEqual({
      colour: { ...colour, state: "DISABLED" },
    });
  });
});
