import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { service } from "../../src/service.ts";
import { testApp } from "../helpers/app.ts";

interface Document {
  openapi: string;
  info: { title: string };
  paths: Record<string, Record<string, { responses: object }>>;
}

describe("GET /openapi.json", () => {
  test("describes the routes, their parameters and their responses", async () => {
    const { app } = testApp();
    const document = (await app.inject("/openapi.json")).json<Document>();
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info.title).toBe(service.name);
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(["/healthz", "/version", "/readyz", "/_test"]),
    );
    expect(document.paths["/_test"]?.["get"]).toMatchObject({
      parameters: [
        {
          in: "query",
          name: "limit",
          required: false,
          schema: { type: "integer", minimum: 1, maximum: 100 },
        },
      ],
    });
    expect(document.paths["/_test"]?.["post"]).toMatchObject({
      requestBody: {
        content: {
          "application/json": {
            schema: { required: ["name"], properties: { name: {} } },
          },
        },
      },
    });
  });

  test("says that every route may answer with a problem", async () => {
    const { app } = testApp();
    const document = (await app.inject("/openapi.json")).json<Document>();
    const operations = Object.values(document.paths).flatMap(Object.values);
    expect(operations.length).toBeGreaterThan(0);
    for (const { responses } of operations as { responses: object }[]) {
      expect(responses).toMatchObject({
        "4XX": {
          content: {
            "application/problem+json": {
              schema: { $ref: "#/components/schemas/Problem" },
            },
          },
        },
      });
    }
  });
});

test("GET /docs runs its own script and that of one file, nothing else", async () => {
  const { app } = testApp();
  const { body, headers } = await app.inject("/docs");
  expect(headers["content-type"]).toBe("text/html; charset=utf-8");
  const script = /<script>(.+)<\/script>/.exec(body)?.[1] ?? "";
  const hash = createHash("sha256").update(script).digest("base64");
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain(`'sha256-${hash}'`);
  for (const [, file = ""] of body.matchAll(
    /(?:src|href)="(https:[^"]+)" integrity="sha384-/g,
  )) {
    expect(policy).toContain(`-src ${file}`);
  }
  expect(policy).not.toContain("unsafe");
  expect(body).toContain('<a href="/openapi.json">');
});

test.each(["/docs", "/openapi.json"])(
  "GET %s is not there in live",
  async (url) => {
    const { app } = testApp({ APP_ENV: "live" });
    expect((await app.inject(url)).statusCode).toBe(404);
  },
);
