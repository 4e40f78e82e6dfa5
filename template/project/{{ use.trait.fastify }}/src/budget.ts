import type { FastifyInstance, FastifyReply } from "fastify";
import { network } from "./client.ts";
import type { Config } from "./config.ts";
import { sendProblem } from "./errors.ts";
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
  readonly #limit: number;
  readonly #share: number;
  readonly #clients = new Map<string, number>();
  readonly #warn: () => void;
  #taken = 0;

  constructor(
    app: FastifyInstance,
    config: Pick<Config, "MAX_BODY_BYTES" | "MAX_BUFFERED_BYTES">,
  ) {
    // One body always fits.
    const largest = blocks(config.MAX_BODY_BYTES);
    this.#limit = Math.max(blocks(config.MAX_BUFFERED_BYTES), largest);
    this.#share = Math.max(Math.floor(this.#limit / 4), largest);
    this.#warn = seldom(() => {
      app.log.warn("bodies take all the memory they may, refusing some");
    });

    app.decorateReply("blocks", 0);
    // Only JSON is read into memory. Node.js has nothing of the body as yet.
    app.addHook("preParsing", (request, reply, payload, done) => {
      const { headers, mediaType, routeOptions } = request;
      const chunked = headers["transfer-encoding"] !== undefined;
      const bytes = chunked ? 1 : Number(headers["content-length"] ?? 0);
      // One that is too large is refused before it is read.
      if (mediaType === "application/json" && bytes <= routeOptions.bodyLimit) {
        if (!this.#take(reply, bytes)) return;
        let received = -PART_BYTES; // the last one may well be small
        payload.on("data", (part: Buffer) => {
          received += Math.max(part.length, PART_BYTES);
          if (!reply.sent) this.#take(reply, received);
        });
        payload.pause(); // until it is read
      }
      done();
    });
  }

  /** Gives back what a request had, when it is over. */
  release(reply: FastifyReply): void {
    this.#add(reply, -reply.blocks);
  }

  /** Makes sure that a request has enough for so many bytes, or refuses it. */
  #take(reply: FastifyReply, bytes: number): boolean {
    const more = blocks(bytes) - reply.blocks;
    if (more <= 0) return true;
    const { request } = reply;
    const ofClient = this.#clients.get(network(request.clientAddress)) ?? 0;
    const greedy = ofClient + more > this.#share;
    if (!greedy && this.#taken + more <= this.#limit) {
      this.#add(reply, more);
      return true;
    }
    this.#warn();
    reply.header("retry-after", 1);
    // What has begun to arrive would go on to.
    if (reply.blocks > 0) reply.header("connection", "close");
    sendProblem(reply, greedy ? 429 : 503, {
      detail: "Too many bodies at once",
    });
    return false;
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
