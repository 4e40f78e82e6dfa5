const WINDOW_MS = 60_000;

// Bounds the memory that requests from many addresses can take.
const MAX_CLIENTS = 10_000;

/**
 * Counts the requests of each client in windows of one minute, in the memory of
 * this instance. A plugin such as @fastify/rate-limit does more, at a cost per
 * request that is a multiple of this one's.
 */
export class RateLimiter {
  readonly #limit: number;
  // By the start of their window, oldest first.
  readonly #windows = new Map<string, { requests: number; endsAt: number }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts a request; in how many seconds to try again if it is one too many. */
  hit(client: string, now = performance.now()): number | undefined {
    let window = this.#windows.get(client);
    if (window === undefined || now >= window.endsAt) {
      this.#windows.delete(client);
      if (this.#windows.size >= MAX_CLIENTS) this.#forgetOldest();
      window = { requests: 0, endsAt: now + WINDOW_MS };
      this.#windows.set(client, window);
    }
    window.requests += 1;
    if (window.requests <= this.#limit) return undefined;
    return Math.ceil((window.endsAt - now) / 1000);
  }

  #forgetOldest(): void {
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined) this.#windows.delete(oldest);
  }
}
