// `npm test` builds the page first, so this is the one that will be deployed.
import { describe, expect, test } from "vitest";
import { testApp } from "../helpers/app.ts";

/** The page, and the paths of what it loads that the build has named. */
async function page() {
  const { app } = testApp();
  const response = await app.inject("/");
  const links = response.body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g);
  return { app, response, paths: Array.from(links, ([, path = ""]) => path) };
}

test("the page is HTML that browsers ask for each time", async () => {
  const { app, response } = await page();
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(response.headers["cache-control"]).toBe("no-cache");

  const { etag } = response.headers;
  const again = await app.inject({
    url: "/",
    headers: { "if-none-match": String(etag) },
  });
  expect(again.statusCode).toBe(304);
});

test.each([
  ["a range that it does not have", { range: "bytes=1000000-" }, 200],
  ["a version that it does not have", { "if-match": '"other"' }, 412],
])("a request for %s is no error of ours", async (_name, headers, status) => {
  const { app } = testApp();
  const response = await app.inject({ url: "/", headers });
  expect(response.statusCode).toBe(status);
});

test("what the page loads may be kept for ever", async () => {
  const { app, paths } = await page();
  for (const path of paths) {
    const { statusCode, headers } = await app.inject(path);
    expect(statusCode, path).toBe(200);
    expect(headers["cache-control"], path).toContain("immutable");
    expect(headers, path).toHaveProperty("content-type");
  }
});

describe("the content security policy", () => {
  test("allows what comes from the service, and no frames", async () => {
    const { response } = await page();
    const policy = response.headers["content-security-policy"];
    expect(policy).toMatch(/^default-src 'self';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
  });

  test("forbids nothing that the page has", async () => {
    const { response } = await page();
    expect(response.body).not.toMatch(
      /<style|\sstyle=|\son\w+=|<script(?!.* src=)/,
    );
    expect(response.body).not.toMatch(
      /<link(?=[^>]*rel="(?:icon|modulepreload|stylesheet)")[^>]*href="(?!\/)/,
    );
    expect(response.body).not.toMatch(/\ssrc="(?!\/)/);
  });
});

test("no source is served", async () => {
  const { app, paths } = await page();
  for (const path of paths) {
    expect((await app.inject(path)).body).not.toContain("sourceMappingURL");
    expect((await app.inject(`${path}.map`)).statusCode).toBe(404);
  }
});

test.each([
  "/index.htm",
  "/assets/",
  "/assets/missing.js",
  "/main.ts",
  "/web.js",
  "/../package.json",
  "/%2e%2e/package.json",
  "/assets/..%2f..%2f..%2fpackage.json",
])("%s is no route, as anywhere else", async (path) => {
  const { app } = testApp();
  const response = await app.inject(path);
  expect(response.statusCode).toBe(404);
  expect(response.headers["content-type"]).toMatch(
    /^application\/problem\+json/,
  );
});
