import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { seldom } from "./seldom.ts";

// So many more are let in while all are busy, for probes to get through.
const SPARE = 16;

declare module "fastify" {
  interface FastifyInstance {
    connections: Connections;
  }
}

/** Keeps the open connections within a limit: the one idle longest makes room. */
export class Connections {
  readonly #limit: number;
  readonly #spare: number;
  // How many requests each has that are not answered yet.
  readonly #requests = new Map<Socket, number>();
  // Those that have none, the longest first.
  readonly #idle = new Set<Socket>();

  constructor(app: FastifyInstance, limit: number) {
    this.#limit = limit;
    this.#spare = Math.min(SPARE, limit);
    app.decorate<Connections>("connections", this);
    const warn = seldom(() => {
      app.log.warn({ limit }, "too many connections, closing idle ones");
    });
    app.server.on("connection", (socket: Socket) => {
      this.#requests.set(socket, 0);
      this.#idle.add(socket);
      socket.once("close", () => {
        this.#forget(socket);
      });
      const more = this.size - this.#limit;
      if (more > 0 && Math.max(more, this.#idle.size) > this.#spare) {
        warn();
        const [oldest = socket] = this.#idle;
        this.#forget(oldest);
        oldest.destroy();
      }
    });
  }

  get size(): number {
    return this.#requests.size;
  }

  /** Whether more are busy than may be: only probes are answered then. */
  get overloaded(): boolean {
    return this.size - this.#idle.size > this.#limit;
  }

  requestBegins(socket: Socket): void {
    const requests = this.#requests.get(socket);
    if (requests === undefined) return;
    this.#requests.set(socket, requests + 1);
    this.#idle.delete(socket);
  }

  requestEnds(socket: Socket): void {
    const requests = this.#requests.get(socket);
    if (requests === undefined) return;
    this.#requests.set(socket, Math.max(requests - 1, 0));
    if (requests <= 1) this.#idle.add(socket);
  }

  /** Closes those that never sent a byte: Node.js does not count them as idle. */
  closeSilent(): void {
    for (const socket of this.#idle) {
      if (socket.bytesRead === 0) socket.destroy();
    }
  }

  #forget(socket: Socket): void {
    this.#requests.delete(socket);
    this.#idle.delete(socket);
  }
}
