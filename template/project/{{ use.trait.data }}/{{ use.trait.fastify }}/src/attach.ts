import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";
import { TooMuch } from "./errors.ts";
import type { PoolUsage } from "./pool-usage.ts";
import type { ReadinessCheck } from "./routes/health.ts";
import { seldom } from "./seldom.ts";
import { type Change, switches } from "./switches.ts";

/** A pool of connections, whichever the database is. */
export interface Pool {
  /** Asks something that takes no time; fails if there is no answer. */
  answers(): Promise<unknown>;
  /** The last change of each flag. */
  switched(): Promise<Change[]>;
  readonly usage: PoolUsage;
  close(): Promise<void>;
}

/** Gives the service its database, and /readyz a question for it. */
export function attach(
  app: FastifyInstance,
  config: Config,
  Database: new (
    log: FastifyInstance["log"],
    config: Config,
  ) => FastifyInstance["database"] & Pool,
): ReadinessCheck {
  const database = new Database(app.log, config);
  app.decorate("database", database);
  app.telemetry.gauges.push((meter) => {
    database.usage.observe(meter);
  });
  app.addHook("onListen", (done) => {
    database.answers().catch(() => {
      app.log.error(
        "started without the database: not ready until it is there",
      );
    });
    done(); // whether it is there or not
  });
  app.addHook("onClose", () => database.close()); // after the last request

  // By a connection of its own: what takes all of the pool may be what is to be
  // switched off. Whoever asks says if it fails.
  const quiet = app.log.child({}, { level: "silent" });
  const apart = new Database(quiet, { ...config, DATABASE_POOL_MAX: 1 });
  app.switches = switches(app.log, () => apart.switched());
  app.addHook("onClose", () => apart.close());
  return () => database.answers();
}

/** Makes a problem 503 of what fails, and now and again a line in the log. */
export function outages(
  log: FastifyInstance["log"],
): (error: unknown) => TooMuch {
  let cause: unknown;
  const tell = seldom(() => {
    log.error({ err: cause }, "the database does not answer");
  });
  return (error) => {
    cause = error;
    tell();
    return new TooMuch(503, "The database does not answer");
  };
}
