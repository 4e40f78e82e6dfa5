import { randomFillSync } from "node:crypto";
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "./config.ts";
import { withoutQuery } from "./logging.ts";
import { attributesOf, methodOf, resource } from "./opentelemetry.ts";
import { service } from "./service.ts";
import { SAMPLED, type TraceContext, traceContext } from "./trace-context.ts";

// Of a trace and of a span, in bytes.
const TRACE_ID = 16;
const IDS = TRACE_ID + 8;

/**
 * A span for each request that is looked at, as its caller or chance decides. It is
 * made when the request is done: of most there is none, and those pay for two ids.
 */
export class Spans {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #share: number;
  readonly #chance = new Chance();
  /** That of the request whose span is being made. */
  #own: TraceContext = { traceId: "", spanId: "", traceFlags: SAMPLED };

  constructor(config: Config) {
    this.#share = config.TRACES_PERCENT / 100;
    this.#provider = new TracerProvider({
      resource: resource(config),
      sampler: new AlwaysOnSampler(),
      idGenerator: {
        generateTraceId: () => this.#own.traceId,
        generateSpanId: () => this.#own.spanId,
      },
      // It reads the standard variables itself.
      spanProcessors: [
        new BatchSpanProcessor({ exporter: new OTLPTraceExporter() }),
      ],
    });
    this.#tracer = this.#provider.getTracer(service.name);
  }

  /** From here on the request has its place in a trace. */
  requestBegins({ raw }: FastifyRequest): void {
    const caller = traceContext(raw);
    const ids = this.#chance.hex(IDS);
    const traceId = caller?.traceId ?? ids.slice(0, 2 * TRACE_ID);
    const traceFlags =
      caller?.traceFlags ?? (Math.random() < this.#share ? SAMPLED : 0);
    raw.trace = {
      traceId,
      spanId: ids.slice(2 * TRACE_ID),
      traceFlags,
      caller,
    };
  }

  requestCompleted(request: FastifyRequest, reply: FastifyReply): void {
    const own = request.raw.trace;
    if (own?.traceFlags !== SAMPLED) return;
    this.#own = own;
    const { caller } = own;
    const attributes = attributesOf(request, reply);
    const route = attributes["http.route"];
    const span = this.#tracer.startSpan(
      typeof route === "string"
        ? `${nameOf(request)} ${route}`
        : nameOf(request),
      {
        kind: SpanKind.SERVER,
        startTime: Date.now() - reply.elapsedTime,
        attributes: { ...attributes, "url.path": withoutQuery(request.url) },
      },
      caller
        ? trace.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true })
        : ROOT_CONTEXT,
    );
    if (reply.statusCode >= 500) {
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  /** Sends what is left. */
  async stop(): Promise<void> {
    await this.#provider.shutdown();
  }
}

/** Bytes by chance, many fetched at once: one by one they take a good part more. */
class Chance {
  readonly #bytes = Buffer.alloc(256 * IDS);
  #used = this.#bytes.length;

  hex(bytes: number): string {
    if (this.#used + bytes > this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += bytes;
    return this.#bytes.toString("hex", from, this.#used);
  }
}

function nameOf(request: FastifyRequest): string {
  const method = methodOf(request);
  return method === "_OTHER" ? "HTTP" : method;
}
