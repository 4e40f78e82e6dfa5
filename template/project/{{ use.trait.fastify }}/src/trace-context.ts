import type { IncomingMessage } from "node:http";

// Version, trace, span of the caller, flags; a later version may have more.
const TRACEPARENT =
  /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;

export const SAMPLED = 1;

export interface TraceContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
}

declare module "node:http" {
  interface IncomingMessage {
    /** Its own place in a trace, where spans are sent, beside that of its caller. */
    trace?: TraceContext & { readonly caller: TraceContext | undefined };
  }
}

/** The place of a request in a trace: its own, or else that of its caller. */
export function traceOf(request: IncomingMessage): TraceContext | undefined {
  return request.trace ?? traceContext(request);
}

/** What a caller says of the trace, by the header of W3C's Trace Context. */
export function traceContext(
  request: Pick<IncomingMessage, "headers">,
): TraceContext | undefined {
  const header = request.headers["traceparent"];
  if (typeof header !== "string") return undefined;
  const [, version, traceId, spanId, flags, more] =
    TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, spanId, traceFlags: Number(`0x${flags ?? ""}`) & SAMPLED };
}

/** The header that says so, for what a service calls in its turn. */
export function traceparent({ traceId, spanId, traceFlags }: TraceContext) {
  return `00-${traceId}-${spanId}-0${traceFlags & SAMPLED}`;
}
