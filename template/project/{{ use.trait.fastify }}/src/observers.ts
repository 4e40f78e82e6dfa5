import { setTimeout } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import type { LogStream } from "./logging.ts";

declare module "fastify" {
  interface FastifyInstance {
    observers: Observers;
  }
}

// What nobody has taken by then is lost.
const FLUSH_MS = 2000;

// Of the grace period, for the rest of the way out.
const MARGIN_MS = 200;

/** Who is told beside the log, which has it all: options add theirs. */
export class Observers {
  /** Each gets every line of the log, once it is written. */
  readonly lines: ((line: string) => void)[] = [];
  /** Each gets what failed unexpectedly: a request, or else the whole process. */
  readonly failures: ((error: unknown, request?: FastifyRequest) => void)[] =
    [];
  /** Each sends what is left, when the process ends. */
  readonly flushes: (() => Promise<unknown>)[] = [];

  /** The same stream, with those who get each line. */
  beside(stream: LogStream): Required<LogStream> {
    const tell = (line: string) => {
      for (const each of this.lines) each(line);
    };
    return {
      write(line) {
        stream.write(line);
        tell(line);
      },
      writeLater(line) {
        if (stream.writeLater) stream.writeLater(line);
        else stream.write(line);
        tell(line);
      },
    };
  }

  failed(error: unknown, request?: FastifyRequest): void {
    for (const each of this.failures) each(error, request);
  }

  /** Whether all that was left is sent, by a time. */
  async flush(by: number): Promise<boolean> {
    return sent(
      this.flushes.map((flush) => flush()),
      by,
    );
  }
}

/** Whether all is sent by a time, or in the two seconds that anybody is given. */
export async function sent(
  sending: Promise<unknown>[],
  by: number,
): Promise<boolean> {
  if (sending.length === 0) return true;
  const left = Math.min(FLUSH_MS, by - Date.now() - MARGIN_MS);
  return Promise.race([
    Promise.allSettled(sending).then(() => true),
    setTimeout(Math.max(left, 0), false, { ref: false }),
  ]);
}
