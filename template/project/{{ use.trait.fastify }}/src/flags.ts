import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { FlagdCore } from "@openfeature/flagd-core";
import {
  type Client,
  OpenFeature,
  type Provider,
} from "@openfeature/server-sdk";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Config, ConfigError } from "./config.ts";
import { HttpError } from "./errors.ts";
import {
  type FlagFile,
  merged,
  parseFlags,
  type Switches,
} from "./flag-file.ts";
import { follow, served, type Source } from "./flag-sources.ts";
import { withoutQuery } from "./logging.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Says whether a feature is on: `await app.flags.getBooleanValue("name", false, …)`. */
    flags: Client;
    /** Where switches are kept that count more than files, if anywhere. */
    switches: Source<Switches> | undefined;
  }
}

// It is one level above src/ and dist/ alike.
const FILE = new URL("../flags.json", import.meta.url);

/** Attaches the flags of flags.json, and follows what is switched elsewhere. */
export function attachFlags(app: FastifyInstance, config: Config): void {
  const evaluator = new FlagdCore(undefined, app.log);
  const file = readFile();
  let remote: FlagFile = { flags: {} };
  let switches: Switches = {};
  let evaluated = "";

  function evaluate(): void {
    const flags = JSON.stringify(merged([file, remote], switches));
    if (flags === evaluated) return;
    const changed = evaluator.setConfigurations(flags);
    if (evaluated !== "") app.log.info({ changed }, "flags changed");
    evaluated = flags;
  }

  evaluate();
  // Of its own, as tests have several in a process.
  const domain = randomUUID();
  OpenFeature.setProvider(domain, provider(evaluator));
  const environment = config.APP_ENV;
  app.decorate("flags", OpenFeature.getClient(domain, { environment }));
  app.decorate("switches", undefined);

  // Before the first request: what is switched off stays off after a restart.
  let timers: NodeJS.Timeout[] = [];
  app.addHook("onReady", async () => {
    const following: Promise<NodeJS.Timeout>[] = [];
    if (config.FLAGS_URL !== undefined) {
      const source = served(config.FLAGS_URL);
      following.push(
        follow(app, "FLAGS_URL", source, (found) => {
          remote = found;
          evaluate();
        }),
      );
    }
    if (app.switches) {
      following.push(
        follow(app, "database", app.switches, (found) => {
          switches = found;
          evaluate();
        }),
      );
    }
    timers = await Promise.all(following);
  });
  app.addHook("onClose", () => {
    timers.forEach(clearInterval);
  });
}

/** For a route that is there only while a flag is on: `onRequest: behind("name")`. */
export function behind(flag: string) {
  return async (request: FastifyRequest): Promise<void> => {
    const on = await request.server.flags.getBooleanValue(flag, false, {
      targetingKey: request.clientAddress,
      path: withoutQuery(request.url),
    });
    if (!on) throw new HttpError(404, "No such route");
  };
}

function readFile(): FlagFile {
  try {
    return parseFlags(readFileSync(FILE, "utf8"));
  } catch (error) {
    throw new ConfigError([`flags.json: ${(error as Error).message}`]);
  }
}

function provider(evaluator: FlagdCore): Provider {
  return {
    metadata: { name: "flagd-core" },
    resolveBooleanEvaluation: async (...asked) =>
      evaluator.resolveBooleanEvaluation(...asked),
    resolveNumberEvaluation: async (...asked) =>
      evaluator.resolveNumberEvaluation(...asked),
    resolveObjectEvaluation: async (...asked) =>
      evaluator.resolveObjectEvaluation(...asked),
    resolveStringEvaluation: async (...asked) =>
      evaluator.resolveStringEvaluation(...asked),
  };
}
