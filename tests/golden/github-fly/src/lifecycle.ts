import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";

/** Listens until SIGTERM or SIGINT, then shuts down gracefully. */
export async function serve(
  app: FastifyInstance,
  config: Config,
): Promise<void> {
  let stopping = false;

  async function stop(signal: NodeJS.Signals): Promise<void> {
    // Ctrl-C under npm arrives twice: from the terminal and from npm.
    if (stopping) return;
    stopping = true;

    app.log.info({ signal }, "shutting down");
    const deadline = setTimeout(() => {
      app.log.error("grace period ran out, forcing exit");
      process.exit(1);
    }, config.SHUTDOWN_GRACE_SECONDS * 1000);

    try {
      // Turns /readyz to 503, stops listening, closes idle connections and
      // waits for requests in flight.
      await app.close();
      app.log.info("shut down");
    } catch (error) {
      app.log.error({ err: error }, "shutdown failed");
      process.exitCode = 1;
    }
    // The process now ends by itself, with its last log lines written in order.
    // The deadline stays for the case that something still keeps it running.
    deadline.unref();
  }

  // A keep-alive connection would outlive the request in flight on it and hold
  // up app.close(): tell the client to close it and, where the response headers
  // are already out, close it as soon as it is idle.
  app.addHook("onSend", async (_request, reply) => {
    if (stopping) reply.header("connection", "close");
  });
  app.addHook("onResponse", async () => {
    if (!stopping) return;
    setImmediate(() => {
      app.server.closeIdleConnections();
    });
  });

  // As PID 1 of a container, Node.js has no default action for these signals.
  process.on("SIGTERM", (signal) => void stop(signal));
  process.on("SIGINT", (signal) => void stop(signal));

  try {
    await app.listen({ host: config.HOST, port: config.PORT });
  } catch (error) {
    app.log.fatal({ err: error }, "could not start");
    process.exit(1);
  }
}
