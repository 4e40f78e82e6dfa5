import type { FastifyPluginAsync } from "fastify";
import { sendProblem } from "../errors.ts";
import { version } from "../version.ts";

/** Throws or rejects when the service cannot take requests. */
export type ReadinessCheck = () => unknown;

declare module "fastify" {
  interface FastifyInstance {
    /** Whether the service is shutting down. */
    stopping: boolean;
    /** Checks that /readyz runs, by name: add one per external dependency. */
    readinessChecks: Map<string, ReadinessCheck>;
  }
}

// Below the usual probe timeout, so that the failing check gets named.
const CHECK_TIMEOUT_MS = 2000;

export const healthRoutes: FastifyPluginAsync<{ commit: string }> = async (
  app,
  { commit },
) => {
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("cache-control", "no-store");
  });

  // Probes arrive every few seconds: their request lines, logged at info, would
  // drown the rest. Failing readiness checks are logged at warn and still show.
  const probe = { logLevel: "warn" } as const;

  app.get("/healthz", probe, async () => ({ status: "ok", version, commit }));

  app.get("/readyz", probe, async (request, reply) => {
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
    return { status: "ready" };
  });
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
