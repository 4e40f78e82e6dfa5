import { createHash } from "node:crypto";
import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { FastifyPluginAsync, FastifySchema } from "fastify";
import { z } from "zod";
import { problemSchema } from "../errors.ts";
import { service } from "../service.ts";
import { version } from "../version.ts";

const problem = {
  description: "A problem, as in RFC 9457",
  content: {
    "application/problem+json": {
      schema: { $ref: "#/components/schemas/Problem" },
    },
  },
};

/** Options of @fastify/swagger, which collects the routes. */
export const openapiOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: "3.1.0",
    info: { title: service.name, description: service.description, version },
  },
  transform: ({ schema, url }) => ({ schema: describe(schema), url }),
  // Every route can answer with a problem, whether or not it says so; what it
  // says goes to the same description.
  transformObject(document) {
    if (!("openapiObject" in document)) return document.swaggerObject;
    const { components, paths, ...rest } = document.openapiObject;
    for (const path of Object.values(paths ?? {})) {
      for (const { responses } of Object.values(path as Operations)) {
        for (const status of [...Object.keys(responses), "4XX", "5XX"]) {
          if (/^[45]/.test(status)) responses[status] = problem;
        }
      }
    }
    const Problem = z.toJSONSchema(problemSchema, { io: "input" });
    return {
      ...rest,
      paths,
      components: { ...components, schemas: { Problem } },
    } as typeof document.openapiObject;
  },
};

type Operations = Record<string, { responses: Record<string, unknown> }>;

/** Turns the Zod schemas of a route into JSON Schema. */
function describe(schema: FastifySchema | undefined): FastifySchema {
  const { body, params, querystring, response, ...rest } = schema ?? {};
  const request = Object.entries({ body, params, querystring });
  const responses = Object.entries(response ?? {});
  return {
    ...rest,
    ...Object.fromEntries(
      request
        .filter(([, part]) => part !== undefined)
        .map(([name, part]) => [name, jsonSchema(part, "input")]),
    ),
    ...(responses.length > 0 && {
      response: {
        ...Object.fromEntries(
          responses.map(([status, part]) => [
            status,
            jsonSchema(part, "output"),
          ]),
        ),
        ...((body ?? params ?? querystring) !== undefined && { 422: {} }),
      },
    }),
  };
}

function jsonSchema(schema: unknown, io: "input" | "output") {
  return z.toJSONSchema(schema as z.ZodType, {
    io,
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      // A response without a body.
      if (zodSchema._zod.def.type === "void") jsonSchema.type = "null";
    },
  });
}

// An exact version and the hashes of its files: the page runs nothing else.
const SWAGGER_UI = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0";
const STYLE_HASH =
  "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I";
const SCRIPT_HASH =
  "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9";

// Where the CDN is out of reach, the link to the document is all there is.
const INIT = `globalThis.SwaggerUIBundle?.({ url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null });`;

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${service.name}: API</title>
    <link rel="stylesheet" href="${SWAGGER_UI}/swagger-ui.css" integrity="${STYLE_HASH}" crossorigin="anonymous">
  </head>
  <body>
    <p><a href="/openapi.json">openapi.json</a></p>
    <div id="swagger-ui"></div>
    <script src="${SWAGGER_UI}/swagger-ui-bundle.js" integrity="${SCRIPT_HASH}" crossorigin="anonymous"></script>
    <script>${INIT}</script>
  </body>
</html>
`;

const pagePolicy = [
  "default-src 'none'",
  // The two files rather than the host, which serves whatever is on npm.
  `script-src ${SWAGGER_UI}/swagger-ui-bundle.js 'sha256-${createHash("sha256").update(INIT).digest("base64")}'`,
  `style-src ${SWAGGER_UI}/swagger-ui.css`,
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What the API offers: for programs, and for people to read and try. */
export const docsRoutes: FastifyPluginAsync = async (app) => {
  const hidden = { schema: { hide: true } };

  app.get("/openapi.json", hidden, async () => app.swagger());

  app.get("/docs", hidden, async (_request, reply) =>
    reply
      .header("content-security-policy", pagePolicy)
      .type("text/html; charset=utf-8")
      .send(page),
  );
};
