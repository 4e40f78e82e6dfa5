import { afterEach, expect, test, vi } from "vitest";
import { escaped } from "../../plugins/pages.ts";
import { readSite } from "../../plugins/site.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("an environment that does not exist fails the build", () => {
  expect(() => readSite({ VITE_APP_ENV: "production" })).toThrow(
    'VITE_APP_ENV: expected one of local, sandbox, testbed, live, got "production"',
  );
});

test.each([{}, { VITE_APP_ENV: "" }])(
  "without one the site is built for local",
  (variables) => {
    expect(readSite(variables).environment).toBe("local");
  },
);

test.each(["GIT_COMMIT", "VERCEL_GIT_COMMIT_SHA", "COMMIT_REF"])(
  "the commit is the one that %s names",
  (name) => {
    vi.stubEnv("GIT_COMMIT", "");
    vi.stubEnv(name, "abc1234");
    expect(readSite({}).commit).toBe("abc1234");
  },
);

test("text cannot become markup", () => {
  expect(escaped('a "quoted" <b> & more')).toBe(
    "a &quot;quoted&quot; &lt;b&gt; &amp; more",
  );
});
