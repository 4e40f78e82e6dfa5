import type { FastifyInstance } from "fastify";
import { type FlagFile, parseFlags } from "./flag-file.ts";

// A switch is to be everywhere within 10 s, also when one answer is missed.
const PERIOD_MS = 4000;
const TIMEOUT_MS = 1500;

const MAX_BYTES = 1024 * 1024;

/** Gives what a source has now, or throws. */
export type Source<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Looks at a source now, and every few seconds by a timer. While it fails, what it
 * said last stays.
 */
export async function follow<T>(
  app: FastifyInstance,
  name: string,
  source: Source<T>,
  take: (found: T) => void,
): Promise<NodeJS.Timeout> {
  let failing = false;
  async function look() {
    try {
      take(await inTime(source));
      if (failing) app.log.info({ source: name }, "flags can be read again");
      failing = false;
    } catch (error) {
      if (!failing) {
        app.log.warn(
          { err: error, source: name },
          "flags cannot be read, the last known ones count",
        );
      }
      failing = true;
    }
  }
  await look();
  return setInterval(() => void look(), PERIOD_MS);
}

async function inTime<T>(source: Source<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const giveUp = () => {
    reject(new Error(`no answer within ${TIMEOUT_MS} ms`));
  };
  signal.addEventListener("abort", giveUp);
  try {
    return await Promise.race([source(signal), late]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** A flag file that somebody serves; it is sent again only when it changed. */
export function served(url: string): Source<FlagFile> {
  let etag = "";
  let last: FlagFile = { flags: {} };
  return async (signal) => {
    const known = etag === "" ? {} : { "if-none-match": etag };
    const response = await fetch(url, { headers: known, signal });
    if (response.status === 304) return last;
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`it answered ${response.status}`);
    }
    last = parseFlags(await text(response));
    etag = response.headers.get("etag") ?? "";
    return last;
  };
}

async function text(response: Response): Promise<string> {
  const body: AsyncIterable<Uint8Array> | null = response.body;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
