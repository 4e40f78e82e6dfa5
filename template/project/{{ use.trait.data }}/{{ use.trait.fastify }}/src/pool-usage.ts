import type { Meter } from "@opentelemetry/api";
import { service } from "./service.ts";

const STATE = "db.client.connection.state";
const POOL = { "db.client.connection.pool.name": service.name };

/** How many borrow a connection, or wait for one that is free. */
export class PoolUsage {
  borrowers = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether somebody waits for a connection that another one has. */
  get exhausted(): boolean {
    return this.borrowers > this.#max;
  }

  observe(meter: Meter): void {
    meter
      .createObservableUpDownCounter("db.client.connection.count", {
        description: "How many connections to the database are in use.",
        unit: "{connection}",
      })
      .addCallback((result) => {
        const used = Math.min(this.borrowers, this.#max);
        result.observe(used, { ...POOL, [STATE]: "used" });
      });
    meter
      .createObservableUpDownCounter("db.client.connection.max", {
        description: "How many connections to the database there may be.",
        unit: "{connection}",
      })
      .addCallback((result) => {
        result.observe(this.#max, POOL);
      });
    meter
      .createObservableUpDownCounter("db.client.connection.pending_requests", {
        description: "How many wait for a connection to the database.",
        unit: "{request}",
      })
      .addCallback((result) => {
        result.observe(Math.max(this.borrowers - this.#max, 0), POOL);
      });
  }
}
