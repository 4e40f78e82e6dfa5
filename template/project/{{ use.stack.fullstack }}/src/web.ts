import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyError, FastifyPluginAsync } from "fastify";
import { HttpError } from "./errors.ts";

// Vite's output (vite.config.ts), beside src/ and inside dist/.
const root = fileURLToPath(new URL("../dist/web/", import.meta.url));

// Scripts, styles and requests of this origin only, nothing inline; no frames.
const contentSecurityPolicy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "object-src 'none'",
].join("; ");

/** Serves the page from the origin of the API. */
export const web: FastifyPluginAsync = async (app) => {
  if (!existsSync(root)) {
    // As under `npm run dev`, where Vite serves it.
    app.log.info("the page is not built, only the API is served");
    return;
  }

  // Thrown where a precondition such as if-match does not hold.
  app.setErrorHandler<FastifyError>((error) => {
    if (error.statusCode !== 412) throw error;
    throw new HttpError(412, "A precondition of the request does not hold");
  });

  await app.register(fastifyStatic, {
    root,
    // A route for each file: any other path is none, and answered like one.
    wildcard: false,
    decorateReply: false,
    acceptRanges: false,
    cacheControl: false,
    setHeaders(reply, path) {
      reply.header("content-security-policy", contentSecurityPolicy);
      reply.header(
        "cache-control",
        // Their names have a hash of their content; the page's has none, and a
        // browser has to ask for it each time to learn of the next version.
        path.startsWith(`${root}assets/`)
          ? "public, max-age=31536000, immutable"
          : "no-cache",
      );
    },
  });
};
