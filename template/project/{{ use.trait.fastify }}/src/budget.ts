import type { FastifyInstance, FastifyReply } from "fastify";
import { network } from "./client.ts";
import type { Config } from "./config.ts";
import { TooMuch } from "./errors.ts";
import { seldom } from "./seldom.ts";

declare module "fastify" {
  interface FastifyReply {
    /** What the body of its request has of the budget. */
    blocks: number;
  }
}

// What is counted: about what is read from a connection at once.
const BLOCK_BYTES = 64 * 1024;

// What the least part of a body takes: it may come byte by byte.
const PART_BYTES = 512;

/**
 * How much memory the bodies of requests may take together: each has its part of
 * it from the moment its head is here until it is answered. A client can have a
 * quarter, so that one cannot keep the others out.
 */
export class Budget {
  #limit: number;
  #share: number;
  readonly #clients = new Map<string, number>();
  readonly #warn: () => void;
  #taken = 0;

  constructor(
    app: FastifyInstance,
    config: Pick<Config, "MAX_BODY_BYTES" | "MAX_BUFFERED_BYTES">,
  ) {
    this.#limit = blocks(config.MAX_BUFFERED_BYTES);
    this.#share = Math.floor(this.#limit / 4);
    // One body always fits.
    app.addHook("onRoute", ({ bodyLimit = config.MAX_BODY_BYTES }) => {
      this.#limit = Math.max(this.#limit, blocks(bodyLimit));
      this.#share = Math.max(this.#share, blocks(bodyLimit));
    });
    this.#warn = seldom(() => {
      app.log.warn("bodies take all the memory they may, refusing some");
    });

    app.decorateReply("blocks", 0);
    // Only JSON is read into memory. Node.js has nothing of the body as yet.
    app.addHook("preParsing", (request, reply, payload, done) => {
      if (reply.place === undefined) return; // given up while a hook took its time
      const { headers, mediaType, routeOptions } = request;
      const chunked = headers["transfer-encoding"] !== undefined;
      const bytes = chunked ? 1 : Number(headers["content-length"] ?? 0);
      // One that is too large is refused before it is read.
      if (mediaType === "application/json" && bytes <= routeOptions.bodyLimit) {
        const refusal = this.#take(reply, bytes);
        if (refusal) {
          done(refusal);
          return;
        }
        let received = -PART_BYTES; // the last one may well be small
        const count = (part: Buffer) => {
          received += Math.max(part.length, PART_BYTES);
          const tooMuch = this.#take(reply, received);
          if (!tooMuch) return;
          payload.off("data", count);
          // The parser gives the one answer, unless it has given up before.
          if (payload.listenerCount("error") > 0) {
            payload.emit("error", tooMuch);
          }
        };
        payload.on("data", count);
        payload.pause(); // until it is read
      }
      done();
    });
  }

  /** Gives back what a request had, when it is over. */
  release(reply: FastifyReply): void {
    const { raw } = reply.request;
    this.#add(reply, -reply.blocks);
    // What nobody read is in the way of the next request.
    if (raw.isPaused()) raw.resume();
  }

  /** Makes sure that a request has enough for so many bytes; says if it cannot. */
  #take(reply: FastifyReply, bytes: number): TooMuch | undefined {
    const more = blocks(bytes) - reply.blocks;
    if (more <= 0 || reply.place === undefined) return undefined;
    const { request } = reply;
    const ofClient = this.#clients.get(network(request.clientAddress)) ?? 0;
    const greedy = ofClient + more > this.#share;
    if (!greedy && this.#taken + more <= this.#limit) {
      this.#add(reply, more);
      return undefined;
    }
    this.#warn();
    return new TooMuch(greedy ? 429 : 503, "Too many bodies at once");
  }

  #add(reply: FastifyReply, more: number): void {
    if (more === 0) return;
    const client = network(reply.request.clientAddress);
    const ofClient = (this.#clients.get(client) ?? 0) + more;
    if (ofClient > 0) this.#clients.set(client, ofClient);
    else this.#clients.delete(client);
    this.#taken += more;
    reply.blocks += more;
  }
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}
