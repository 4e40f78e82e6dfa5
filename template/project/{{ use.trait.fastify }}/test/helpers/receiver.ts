import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished, vi } from "vitest";

/**
 * Takes what a service sends by OpenTelemetry's protocol, and answers with a status,
 * or never.
 */
export async function receive(status?: number) {
  const received: { request: IncomingMessage; body: string }[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      received.push({ request, body: body.toString("latin1") });
      if (status !== undefined) response.writeHead(status).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    received,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    /** What came to a path last, once something did. */
    last: (path: string) =>
      vi.waitFor(() => {
        const found = received.findLast(({ request }) => request.url === path);
        if (!found) throw new Error(`nothing came to ${path}`);
        return found;
      }),
  };
}
