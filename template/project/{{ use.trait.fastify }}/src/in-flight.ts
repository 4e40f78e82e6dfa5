import type { FastifyInstance, FastifyReply } from "fastify";
import type { Budget } from "./budget.ts";

declare module "fastify" {
  interface FastifyInstance {
    inFlight: InFlight;
  }
  interface FastifyReply {
    /** Its place among the replies in flight, if it has one. */
    place: number | undefined;
  }
}

const SWEEP_INTERVAL_MS = 250;

export class HandlerTimeout extends Error {
  override name = "HandlerTimeout";
  override message = "the handler took too long";
}

/**
 * The requests in flight; gives up those that are not answered in time. One timer
 * looks after all of them: Fastify's handlerTimeout sets one for each, and an
 * AbortController, which together cost as much as a small request.
 */
export class InFlight {
  // No Set: what was deleted from one is kept alive, for as long as V8 can, by
  // the tables it outgrew.
  readonly #replies: FastifyReply[] = [];
  readonly #budget: Budget;

  constructor(app: FastifyInstance, timeoutMs: number, budget: Budget) {
    this.#budget = budget;
    app.decorate<InFlight>("inFlight", this);
    app.decorateReply("place", undefined);
    const timer = setInterval(() => {
      this.#sweep(timeoutMs);
    }, SWEEP_INTERVAL_MS).unref();
    app.addHook("onClose", () => {
      clearInterval(timer);
    });
  }

  add(reply: FastifyReply): void {
    reply.place = this.#replies.push(reply) - 1;
  }

  delete(reply: FastifyReply): void {
    const { place } = reply;
    const last = this.#replies.at(-1);
    if (place === undefined || last === undefined) return;
    last.place = place;
    this.#replies[place] = last;
    this.#replies.pop();
    reply.place = undefined;
    this.#budget.release(reply);
  }

  [Symbol.iterator](): Iterator<FastifyReply> {
    return this.#replies.values();
  }

  /** Tells the clients that wait not to send another request. */
  closeConnections(): void {
    for (const reply of this.#replies) {
      if (!reply.raw.headersSent) reply.header("connection", "close");
    }
  }

  #sweep(timeoutMs: number): void {
    for (const reply of [...this.#replies]) {
      if (reply.raw.destroyed) {
        this.delete(reply); // the client went away
      } else if (reply.elapsedTime >= timeoutMs) {
        this.delete(reply);
        // A response that has begun may take as long as the client reads it.
        if (!reply.raw.headersSent) reply.send(new HandlerTimeout());
      }
    }
  }
}
