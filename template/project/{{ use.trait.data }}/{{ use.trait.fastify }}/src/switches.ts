import type { FastifyBaseLogger } from "fastify";
import type { Switches } from "./flag-file.ts";
import type { Source } from "./flag-sources.ts";

/** What somebody switched by ops/flag: the last change of one flag. */
export interface Change {
  id: string | number;
  flag: string;
  state: "on" | "off" | "reset";
  who: string;
  at: Date;
}

/** The switches in a database, and a line in the log for each change. */
export function switches(
  log: FastifyBaseLogger,
  newest: () => Promise<Change[]>,
): Source<Switches> {
  const seen = new Map<string, Change["id"]>();
  return async () => {
    const found = await newest();
    for (const { id, flag, state, who, at } of found) {
      if (seen.get(flag) !== id) {
        const time = at.toISOString();
        log.info({ flag, state, who, at: time }, "flag switched");
      }
      seen.set(flag, id);
    }
    const switched = found.filter(({ state }) => state !== "reset");
    return Object.fromEntries(
      switched.map(({ flag, state }) => [flag, state === "on"]),
    );
  };
}
