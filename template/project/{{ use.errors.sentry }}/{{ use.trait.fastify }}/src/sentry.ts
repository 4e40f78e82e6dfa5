import type { ErrorEvent } from "@sentry/node";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Config } from "./config.ts";
import { redacted } from "./secrets.ts";
import { seldom } from "./seldom.ts";
import { service } from "./service.ts";
import { traceOf } from "./trace-context.ts";
import { version } from "./version.ts";

/**
 * Has Sentry know of errors that nobody expected, where it is to. Only then is its SDK
 * loaded, and of it no more than what sends them: no hooks around modules, no spans,
 * nothing of a request but its route and its ids.
 */
export async function sentry(
  app: FastifyInstance,
  config: Config,
): Promise<void> {
  if (config.SENTRY_DSN === undefined) return;
  const {
    contextLinesIntegration,
    defaultStackParser,
    linkedErrorsIntegration,
    makeNodeTransport,
    NodeClient,
    Scope,
  } = await import("@sentry/node");
  const client = new NodeClient({
    dsn: config.SENTRY_DSN,
    // Of all services of an organisation: ops/deploy registers it by that name.
    release: `${service.name}@${version}`,
    environment: config.APP_ENV,
    includeServerName: false,
    sendClientReports: false,
    integrations: [contextLinesIntegration(), linkedErrorsIntegration()],
    stackParser: defaultStackParser,
    transport: makeNodeTransport,
    beforeSend,
  });
  client.init();
  const warn = seldom(() => {
    app.log.warn("errors cannot be sent");
  });
  client.on("afterSendEvent", (_event, { statusCode }) => {
    if (statusCode === undefined || statusCode >= 300) warn();
  });

  app.observers.failures.push((error, request) => {
    const scope = new Scope();
    scope.setClient(client);
    if (request) describe(request, scope);
    scope.captureException(error, {
      mechanism: { type: request ? "fastify" : "process", handled: false },
    });
  });
  app.observers.flushes.push(async () => client.close());
}

function describe(
  request: FastifyRequest,
  scope: {
    setTransactionName(name: string): unknown;
    setTags(tags: Record<string, string | undefined>): unknown;
  },
): void {
  const { url } = request.routeOptions;
  scope.setTransactionName(
    url === undefined ? request.method : `${request.method} ${url}`,
  );
  scope.setTags({
    request_id: request.id,
    trace_id: traceOf(request.raw)?.traceId,
  });
}

/** As in the log: a message may have a password in it, or a line of code. */
function beforeSend(event: ErrorEvent): ErrorEvent {
  const { exception } = event;
  if (exception === undefined) return event;
  return { ...event, exception: redacted(exception) as typeof exception };
}
