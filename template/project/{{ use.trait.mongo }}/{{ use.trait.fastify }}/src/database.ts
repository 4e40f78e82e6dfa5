import type { FastifyInstance } from "fastify";
import {
  type Db,
  MongoClient,
  type MongoClientOptions,
  MongoNetworkError,
  MongoServerError,
  MongoSystemError,
  type WithId,
} from "mongodb";
import { authority, unreadable } from "./address.ts";
import { attach, outages, type Pool } from "./attach.ts";
import type { Config } from "./config.ts";
import type { TooMuch } from "./errors.ts";
import { PoolUsage } from "./pool-usage.ts";
import type { ReadinessCheck } from "./routes/health.ts";
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

// MongoDB's for a server that cannot be reached by another one, stops, steps
// down, is not the primary or not yet ready, takes too long, or lets nobody in
// (8000 is Atlas', for a password and for a plan that is full).
const OUTAGES = new Set([
  6, 7, 18, 50, 89, 91, 133, 134, 189, 202, 262, 462, 8000, 9001, 10107, 11600,
  11602, 13435, 13436,
]);
const DUPLICATE = 11000;

const SWITCHES = "flag_switches";
// Of each flag the last change.
const NEWEST = [
  { $sort: { flag: 1, at: 1, _id: 1 } },
  { $group: { _id: "$flag", last: { $last: "$$ROOT" } } },
  { $replaceRoot: { newRoot: "$last" } },
];

/** Gives the service its database, and /readyz a question for it. */
export function database(app: FastifyInstance, config: Config): ReadinessCheck {
  return attach(app, config, Database);
}

/** A pool of connections to MongoDB, made as they are needed. */
export class Database implements Pool {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #outage: (error: unknown) => TooMuch;
  #connected = false;
  readonly usage: PoolUsage;

  constructor(log: FastifyInstance["log"], config: Config) {
    this.#outage = outages(log);
    this.usage = new PoolUsage(config.DATABASE_POOL_MAX);
    this.#client = connect(config, {
      appName: service.name,
      maxPoolSize: config.DATABASE_POOL_MAX,
      minPoolSize: 0,
      connectTimeoutMS: CONNECT_TIMEOUT_MS,
      serverSelectionTimeoutMS: CONNECT_TIMEOUT_MS,
      waitQueueTimeoutMS: CONNECT_TIMEOUT_MS,
      maxIdleTimeMS: IDLE_TIMEOUT_MS,
      // The server ends what nobody waits for any more.
      socketTimeoutMS: STATEMENT_TIMEOUT_MS,
      // Whoever asked is told to. A write is tried once more by the driver,
      // where the server can tell that it is the same one.
      retryReads: false,
    });
    this.#db = this.#client.db();
  }

  /** Does something with it; what fails because of the database is a problem 503. */
  async use<T>(work: (db: Db) => Promise<T>): Promise<T> {
    this.usage.borrowers++;
    try {
      if (!this.#connected) {
        // Until it is there once: after that, and not before, the driver connects by itself.
        await this.#client.connect();
        this.#connected = true;
      }
      return await work(this.#db);
    } catch (error) {
      throw isOutage(error) ? this.#outage(error) : error;
    } finally {
      this.usage.borrowers--;
    }
  }

  async answers(): Promise<void> {
    await this.use((db) => db.command({ ping: 1 }));
  }

  async switched(): Promise<Change[]> {
    return this.use(switched);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

async function switched(db: Db): Promise<Change[]> {
  // One that is not there has no documents: nothing would count as switched.
  const there = db.listCollections({ name: SWITCHES }, { nameOnly: true });
  if (!(await there.hasNext())) throw new Error(`there is no ${SWITCHES}`);
  const found = db.collection(SWITCHES).aggregate<WithId<Change>>(NEWEST);
  const changes = await found.toArray();
  return changes.map((change) => ({ ...change, id: String(change._id) }));
}

/** Whether a statement failed because there is a document with that already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE;
}

const ADDRESS = /^(mongodb(?:\+srv)?:\/\/[^/?]+\/[^/?]+)(?:\?(.*))?$/;

/** Outside local the database has to prove by a certificate who it is, whatever the URL says. */
function connect(config: Config, options: MongoClientOptions): MongoClient {
  const [, url, query] = ADDRESS.exec(config.DATABASE_URL) ?? [];
  if (!url) {
    throw unreadable(
      "mongodb://HOST/NAME or mongodb+srv://HOST/NAME, with the name of a database",
    );
  }
  const told = new URLSearchParams(query);
  if (config.APP_ENV !== "local") {
    for (const name of [...told.keys()]) {
      if (/^(tls|ssl)/i.test(name)) told.delete(name);
    }
    options.tls = true;
    const ca = authority(config);
    if (ca) options.ca = ca;
  }
  try {
    return new MongoClient(`${url}?${String(told)}`, options);
  } catch {
    throw unreadable(
      "a user and a password with %-escapes, and options that MongoDB's drivers know",
    );
  }
}

/** Whether it is the connection or the server that failed. */
function isOutage(error: unknown): boolean {
  if (error instanceof MongoServerError) {
    return OUTAGES.has(Number(error.code));
  }
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoSystemError ||
    // What says that none was free has no class for us, and DNS has none at all.
    (error instanceof Error &&
      (error.name === "MongoWaitQueueTimeoutError" || "syscall" in error))
  );
}
