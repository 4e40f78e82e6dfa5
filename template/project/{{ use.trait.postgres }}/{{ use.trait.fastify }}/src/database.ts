import type { FastifyInstance } from "fastify";
import pg from "pg";
import { authority, databaseUrl } from "./address.ts";
import { attach, outages, type Pool } from "./attach.ts";
import type { Config } from "./config.ts";
import { HttpError, type TooMuch } from "./errors.ts";
import { PoolUsage } from "./pool-usage.ts";
import type { ReadinessCheck } from "./routes/health.ts";
import { seldom } from "./seldom.ts";
import { service } from "./service.ts";
import type { Change } from "./switches.ts";

declare module "fastify" {
  interface FastifyInstance {
    database: Database;
  }
}

const CONNECT_TIMEOUT_MS = 5000; // for one of the pool that is free, too
const STATEMENT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;

const SWITCHED = `
  select id, flag, state, who, at from flag_switches
  where id in (select max(id) from flag_switches group by flag)`;

/** Gives the service its database, and /readyz a question for it. */
export function database(app: FastifyInstance, config: Config): ReadinessCheck {
  return attach(app, config, Database);
}

/** A pool of connections to PostgreSQL, made as they are needed. */
export class Database implements Pool {
  readonly #pool: pg.Pool;
  readonly #lost = new WeakSet<pg.ClientBase>();
  readonly #outage: (error: unknown) => TooMuch;
  readonly usage: PoolUsage;

  constructor(log: FastifyInstance["log"], config: Config) {
    this.#outage = outages(log);
    this.usage = new PoolUsage(config.DATABASE_POOL_MAX);
    this.#pool = new pg.Pool({
      ...address(config),
      application_name: service.name,
      max: config.DATABASE_POOL_MAX,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      // For a database that has gone without a word.
      query_timeout: STATEMENT_TIMEOUT_MS + 1000,
      keepAlive: true,
      allowExitOnIdle: true,
      // Said here, as poolers refuse it while a connection is made.
      // eslint-disable-next-line @typescript-eslint/no-misused-promises -- it is awaited
      onConnect: (client) =>
        client.query(`set statement_timeout to ${STATEMENT_TIMEOUT_MS}`),
    });
    // An error that nobody listens for would end the process.
    this.#pool.on(
      "error",
      seldom(() => {
        log.warn("a connection to the database was lost");
      }),
    );
    this.#pool.on("connect", (client) => {
      client.on("error", () => void this.#lost.add(client));
    });
  }

  /** The rows of one statement, whose values are $1, $2 and so on. */
  async query<Row extends object = Record<string, unknown>>(
    text: string,
    values: unknown[] = [],
  ): Promise<Row[]> {
    return this.#lend(async (client) => {
      const { rows } = await client.query<Row & pg.QueryResultRow>(
        text,
        values,
      );
      return rows;
    });
  }

  /** Statements of which all are done or none is. */
  async transaction<T>(work: (client: pg.ClientBase) => Promise<T>) {
    return this.#lend(async (client) => {
      await client.query("begin");
      try {
        const result = await work(client);
        await client.query("commit");
        return result;
      } catch (error) {
        if (!this.#failed(client, error)) await client.query("rollback");
        throw error;
      }
    });
  }

  async answers(): Promise<void> {
    await this.query("select 1");
  }

  async switched(): Promise<Change[]> {
    return this.query<Change>(SWITCHED);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #lend<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    this.usage.borrowers++;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      this.usage.borrowers--;
      throw this.#outage(error);
    }
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = this.#failed(client, error);
      if (broken) throw this.#outage(error);
      throw isUnstorable(error)
        ? new HttpError(422, "The text has a character that cannot be stored")
        : error;
    } finally {
      client.release(broken);
      this.usage.borrowers--;
    }
  }

  /** Whether it is the connection or the server that failed: of PostgreSQL's own, by its code. */
  #failed(client: pg.ClientBase, error: unknown): boolean {
    if (error instanceof pg.DatabaseError) {
      return /^(08|53|57)/.test(error.code ?? "");
    }
    const silent =
      error instanceof Error && error.message === "Query read timeout";
    return silent || this.#lost.has(client);
  }
}

/** Outside local the database has to prove by a certificate who it is, whatever the URL says. */
function address(config: Config) {
  const url = databaseUrl(config);
  if (config.APP_ENV === "local") return { connectionString: url.href };
  for (const name of [...url.searchParams.keys()]) {
    if (/ssl/i.test(name)) url.searchParams.delete(name);
  }
  const ssl = { ca: authority(config), rejectUnauthorized: true };
  return { connectionString: url.href, ssl };
}

/** PostgreSQL has no NUL in a text. */
function isUnstorable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "22021";
}
