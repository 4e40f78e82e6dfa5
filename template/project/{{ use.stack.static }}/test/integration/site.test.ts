import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Plugin, preview, type PreviewServer } from "vite";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { pageFiles } from "../../plugins/pages.ts";

/** Something with a hash in its name, whatever the pages load. */
const asset: Plugin = {
  name: "asset",
  generateBundle() {
    this.emitFile({ type: "asset", name: "test.txt", source: "test" });
  },
};

const dist = mkdtempSync(join(tmpdir(), "site-"));
let server: PreviewServer;
let origin: string;

beforeAll(async () => {
  vi.stubEnv("GIT_COMMIT", "abc1234");
  vi.stubEnv("VITE_APP_ENV", "testbed");
  const outDir = { outDir: dist, emptyOutDir: true };
  await build({ logLevel: "warn", build: outDir, plugins: [asset] });
  server = await preview({
    logLevel: "warn",
    build: outDir,
    preview: { host: "127.0.0.1", port: 0 },
  });
  const address = server.httpServer.address();
  if (!address || typeof address === "string") throw new Error("no port");
  origin = `http://127.0.0.1:${address.port.toString()}`;
});

afterAll(async () => {
  await server.close();
  rmSync(dist, { recursive: true });
});

const get = (path: string) => fetch(origin + path);

describe("health checks", () => {
  test.each([
    ["/healthz", { status: "ok", commit: "abc1234" }],
    ["/readyz", { status: "ready" }],
    ["/version", { commit: "abc1234", environment: "testbed" }],
  ])("%s is JSON that nobody keeps", async (path, answer) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toMatchObject(answer);
  });
});

describe("headers", () => {
  test.each(["/", "/healthz", "/no/such/page"])(
    "%s comes with the security headers",
    async (path) => {
      const { headers } = await get(path);
      const policy = headers.get("content-security-policy");
      expect(policy).toContain("default-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBeTruthy();
      expect(headers.get("permissions-policy")).toContain("camera=()");
      expect(headers.get("strict-transport-security")).toMatch(/max-age=\d{8}/);
    },
  );

  test("what has a hash in its name is kept for ever, pages are asked for again", async () => {
    const [name = ""] = readdirSync(join(dist, "assets"));
    const kept = await get(`/assets/${name}`);
    expect(kept.status).toBe(200);
    expect(kept.headers.get("cache-control")).toContain("immutable");
    const page = await get("/");
    expect(page.headers.get("cache-control")).toMatch(/no-cache|max-age=0/);
  });
});

describe("pages", () => {
  const pages = pageFiles();

  test("a path without a page is the 404 page, with that status", async () => {
    const response = await get("/no/such/page");
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    expect(await response.text()).toBe(
      readFileSync(join(dist, "404.html"), "utf8"),
    );
  });

  test.each(pages)("%s names its language and its title", async (page) => {
    const html = await (await get(`/${page}`)).text();
    expect(html).toMatch(/<html lang="[^"]+"/);
    expect(html).toMatch(/<title>[^<%]+<\/title>/);
    expect(html).not.toContain("%SITE_");
  });

  test.each(pages)("%s has nothing that the policy blocks", async (page) => {
    const html = await (await get(`/${page}`)).text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=/);
    for (const [, file = ""] of html.matchAll(/\b(?:src|href)="([^"#]+)"/g)) {
      if (file.startsWith("/")) expect((await get(file)).status).toBe(200);
    }
  });

  test("only the live site is for search engines", async () => {
    const html = await (await get("/")).text();
    expect(html).toContain('<meta name="robots" content="noindex">');
  });
});
