import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";
import { awaited } from "./mounts.ts";

// Closing a keep-alive connection at once would cut off a request already on
// its way: for this long, clients are told to close theirs themselves.
const DRAIN_MS = 500;

const SWEEP_INTERVAL_MS = 100;

/** Listens until SIGTERM or SIGINT, then shuts down gracefully. */
export async function serve(
  app: FastifyInstance,
  config: Config,
): Promise<void> {
  async function stop(signal: NodeJS.Signals): Promise<void> {
    // Ctrl-C under npm arrives twice: from the terminal and from npm.
    if (app.stopping) return;
    app.stopping = true; // turns /readyz to 503, ends connections after a reply
    const grace = config.SHUTDOWN_GRACE_SECONDS * 1000;
    app.stopBy = Date.now() + grace;
    app.inFlight.closeConnections();

    app.log.info({ signal }, "shutting down");
    const deadline = setTimeout(() => {
      app.log.error("grace period ran out, forcing exit");
      process.exit(1);
    }, grace);

    if (app.connections.size > 0) await sleep(DRAIN_MS);

    // Connections without a request would hold up app.close(): keep-alive ones
    // whose response began before the drain, and ones that never sent a byte,
    // which Node.js does not count as idle.
    const sweep = setInterval(() => {
      app.server.closeIdleConnections();
      app.connections.closeSilent();
    }, SWEEP_INTERVAL_MS);

    try {
      // Stops listening, closes idle connections and waits for requests in
      // flight.
      await app.close();
      app.log.info("shut down");
    } catch (error) {
      app.log.error({ err: error }, "shutdown failed");
      process.exitCode = 1;
    }
    clearInterval(sweep);
    const told = await app.observers.flush(app.stopBy);
    // Whoever is slow to take what is sent would keep the process.
    if (app.telemetry.abandoned || !told) process.exit();
    // The process now ends by itself, with its last log lines written in order.
    // The deadline stays for the case that something still keeps it running.
    deadline.unref();
  }

  /** Ends at once, or as soon as those who are told beside the log have it. */
  function die(error: unknown, message: string): void {
    app.log.fatal({ err: error }, message);
    if (app.observers.flushes.length === 0) process.exit(1);
    app.observers.failed(error);
    void app.observers.flush(Infinity).finally(() => process.exit(1));
  }

  process.on("uncaughtException", (error) => {
    die(error, "uncaught exception");
  });

  // As PID 1 of a container, Node.js has no default action for these signals.
  process.on("SIGTERM", (signal) => void stop(signal));
  process.on("SIGINT", (signal) => void stop(signal));

  const { HOST: host, PORT: port } = config;
  try {
    await app.ready();
    // Fastify would log a line of its own for every network interface.
    app.log.level = "silent";
    try {
      await app.listen({ host, port });
    } finally {
      app.log.level = config.LOG_LEVEL;
    }
    app.log.info({ host, port }, "listening");
    sayWhatIsAwaited(app, config);
  } catch (error) {
    die(error, "could not start");
  }
}

/** Otherwise nobody would know, in `live`, that there is nothing to look at. */
function sayWhatIsAwaited(app: FastifyInstance, config: Config): void {
  if (config.APP_ENV !== "live") return;
  for (const [name, what] of Object.entries(awaited)) {
    if (config[name as keyof Config] === undefined) {
      app.log.warn(`${name} is not set: nothing sends ${what}`);
    }
  }
}
