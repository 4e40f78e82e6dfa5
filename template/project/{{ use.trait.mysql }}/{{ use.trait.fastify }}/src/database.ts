import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import mysql, { type PoolConnection } from "mysql2/promise";
import { authority, databaseUrl } from "./address.ts";
import { attach, outages, type Pool } from "./attach.ts";
import type { Config } from "./config.ts";
import { HttpError, type TooMuch } from "./errors.ts";
import { PoolUsage } from "./pool-usage.ts";
import type { ReadinessCheck } from "./routes/health.ts";
import type { Change } from "./switches.ts";

declare module "fastify" {
  interface FastifyInstance {
    database: Database;
  }
}

export type Row = mysql.RowDataPacket;

const CONNECT_TIMEOUT_MS = 5000; // for one of the pool that is free, too
const STATEMENT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;

const SWITCHED = `
  select id, flag, state, who, at from flag_switches
  where id in (select max(id) from flag_switches group by flag)`;

// Nothing is cut to fit, and a backslash escapes. MySQL ends what takes too
// long by itself; for MariaDB that is a comment.
const SESSION = `set sql_mode = 'traditional' /*!80000 , max_execution_time = ${STATEMENT_TIMEOUT_MS} */`;

// MySQL's for a server that stops, has too little of something, is read-only
// after a failover, or ended what took too long. Vitess has one for all.
const OUTAGES = new Set([
  1021, 1040, 1053, 1105, 1114, 1205, 1290, 1317, 1836, 1927, 3024,
]);
const DUPLICATE = 1062;
const UNSTORABLE = new Set([1300, 1366]);

/** Gives the service its database, and /readyz a question for it. */
export function database(app: FastifyInstance, config: Config): ReadinessCheck {
  return attach(app, config, Database);
}

/** A pool of connections to MySQL, made as they are needed. */
export class Database implements Pool {
  readonly #pool: mysql.Pool;
  readonly #outage: (error: unknown) => TooMuch;
  readonly usage: PoolUsage;

  constructor(log: FastifyInstance["log"], config: Config) {
    this.#outage = outages(log);
    this.usage = new PoolUsage(config.DATABASE_POOL_MAX);
    this.#pool = mysql.createPool({
      ...address(config),
      charset: "utf8mb4",
      timezone: "Z",
      stringifyObjects: true, // one that is a value by mistake is no SQL
      connectionLimit: config.DATABASE_POOL_MAX,
      // The pool ends idle ones only if it may not keep all of them.
      maxIdle: Math.max(1, config.DATABASE_POOL_MAX - 1),
      connectTimeout: CONNECT_TIMEOUT_MS,
      idleTimeout: IDLE_TIMEOUT_MS,
    });
    this.#pool.pool.on("connection", (connection) => {
      // An error that nobody listens for would end the process.
      connection.on("error", () => undefined);
      const { stream } = connection as unknown as { stream: Duplex };
      const session = { sql: SESSION, timeout: CONNECT_TIMEOUT_MS };
      connection.query(session, (error) => {
        // The connection's own destroy() would leave what waits behind it without an answer.
        if (error) stream.destroy(error);
      });
    });
  }

  /** The rows of one statement, whose values are each a `?`. */
  async query<T = Row>(sql: string, values: unknown[] = []): Promise<T[]> {
    const [rows] = await this.#ask<(T & Row)[]>(sql, values);
    return rows;
  }

  /** Changes something by one statement, and says how many rows. */
  async change(sql: string, values: unknown[] = []): Promise<number> {
    const [done] = await this.#ask<mysql.ResultSetHeader>(sql, values);
    return done.affectedRows;
  }

  /** Statements of which all are done or none is. */
  async transaction<T>(work: (connection: PoolConnection) => Promise<T>) {
    return this.#lend(async (connection) => {
      await connection.beginTransaction();
      try {
        const result = await work(connection);
        await connection.commit();
        return result;
      } catch (error) {
        if (!isOutage(error)) await connection.rollback();
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

  async #ask<T extends mysql.QueryResult>(sql: string, values: unknown[]) {
    return this.#lend((connection) =>
      connection.query<T>({
        sql,
        values,
        timeout: STATEMENT_TIMEOUT_MS + 1000,
      }),
    );
  }

  async #lend<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    let connection: PoolConnection;
    this.usage.borrowers++;
    try {
      const coming = this.#pool.getConnection();
      // A new one has connectTimeout; for one that others have the pool would wait forever.
      connection = await (this.usage.exhausted ? inTime(coming) : coming);
    } catch (error) {
      this.usage.borrowers--;
      throw this.#outage(error);
    }
    try {
      return await work(connection);
    } catch (error) {
      if (isOutage(error)) {
        connection.destroy();
        throw this.#outage(error);
      }
      throw UNSTORABLE.has(errno(error))
        ? new HttpError(422, "The text has a character that cannot be stored")
        : error;
    } finally {
      connection.release();
      this.usage.borrowers--;
    }
  }
}

/** Waits for one that others have for as long as for a new one. */
async function inTime(coming: Promise<PoolConnection>) {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error("no connection was free in time"));
    coming.then(
      (connection) => {
        connection.release();
      },
      () => undefined,
    );
  }, CONNECT_TIMEOUT_MS);
  try {
    return await Promise.race([coming, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a statement failed because there is a row with that already. */
export function isDuplicate(error: unknown): boolean {
  return errno(error) === DUPLICATE;
}

/** Reads the URL, but for what it says after a question mark: of TLS, say. */
function address(config: Config) {
  const { hostname, password, pathname, port, username } = databaseUrl(config);
  const ca = authority(config);
  // Outside local the database has to prove by a certificate who it is.
  const ssl = { rejectUnauthorized: true, verifyIdentity: true };
  return {
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    ...(config.APP_ENV !== "local" && { ssl: ca ? { ...ssl, ca } : ssl }),
  };
}

/** Whether it is the connection or the server that failed. */
function isOutage(error: unknown): boolean {
  const driver = error instanceof Error && "code" in error;
  return driver && (!("sqlState" in error) || OUTAGES.has(errno(error)));
}

function errno(error: unknown): number {
  return (error as { errno?: number } | undefined)?.errno ?? 0;
}
