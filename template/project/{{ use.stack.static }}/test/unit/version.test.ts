import { expect, test } from "vitest";
import { inWords } from "../../src/version.ts";

const version = { version: "1.2.3", commit: "abc1234def", environment: "live" };

test("visitors see the version and the start of the commit", () => {
  expect(inWords(version)).toBe("1.2.3 (abc1234)");
});

test("an environment that is not live says which one it is", () => {
  expect(inWords({ ...version, environment: "sandbox" })).toBe(
    "1.2.3 (abc1234), sandbox",
  );
});
