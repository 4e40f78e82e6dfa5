import { z } from "zod";
import type { Config } from "../config.ts";
import { problemSchema, sendProblem } from "../errors.ts";
import { service } from "../service.ts";
import type { ZodPlugin } from "../validation.ts";
import { version } from "../version.ts";

/** Throws or rejects when the service cannot take requests. */
export type ReadinessCheck = () => unknown;

declare module "fastify" {
  interface FastifyInstance {
    /** Whether the service is shutting down. */
    stopping: boolean;
    /** When it has to have ended then, in milliseconds as of Date.now(). */
    stopBy: number;
    /** Checks that /readyz runs, by name: add one per external dependency. */
    readinessChecks: Map<string, ReadinessCheck>;
  }
}

// Below the usual probe timeout, so that the failing check gets named.
const CHECK_TIMEOUT_MS = 2000;

// Probes arrive every few seconds: their request lines would drown the rest, and
// they must not run out of requests. What they find wrong is logged, at warn.
const PROBES = new Set(["/healthz", "/metrics", "/readyz", "/version"]);

export function isProbe(path: string): boolean {
  return PROBES.has(path);
}

const healthSchema = z.object({
  status: z.literal("ok"),
  version: z.string(),
  commit: z.string(),
});

const readySchema = z.object({ status: z.literal("ready") });

const versionSchema = z.object({
  name: z.string(),
  version: z.string(),
  commit: z.string(),
  environment: z.string(),
});

export const healthRoutes: ZodPlugin<
  Pick<Config, "APP_ENV" | "GIT_COMMIT">
> = async (app, { APP_ENV: environment, GIT_COMMIT: commit }) => {
  const probe = { logLevel: "warn" } as const;

  app.get(
    "/healthz",
    { ...probe, schema: { response: { 200: healthSchema } } },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      return { status: "ok" as const, version, commit };
    },
  );

  app.get(
    "/version",
    { ...probe, schema: { response: { 200: versionSchema } } },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      return { name: service.name, version, commit, environment };
    },
  );

  app.get(
    "/readyz",
    {
      ...probe,
      schema: { response: { 200: readySchema, 503: problemSchema } },
    },
    async (request, reply) => {
      reply.header("cache-control", "no-store");
      if (app.stopping) {
        return sendProblem(reply, 503, { detail: "Shutting down" });
      }

      const results = await Promise.all(
        Array.from(app.readinessChecks, async ([name, check]) => {
          try {
            await withTimeout(check);
            return [];
          } catch (error) {
            request.log.warn({ err: error, check: name }, "not ready");
            return [name];
          }
        }),
      );
      const failing = results.flat();
      if (failing.length > 0) {
        return sendProblem(reply, 503, { detail: "Not ready", failing });
      }
      return { status: "ready" as const };
    },
  );
};

async function withTimeout(check: ReadinessCheck): Promise<void> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`));
  }, CHECK_TIMEOUT_MS);
  try {
    await Promise.race([check(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
