import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";

const NANOSECOND = 1e-9;
const MICROSECOND = 1e-6;

const RESOLUTION_MS = 20;

// The event loop is told of as it was in the last minute, so that who asks once a
// minute misses nothing, whoever else asks meanwhile.
const PART_MS = 10_000;
const PARTS = 6;

/** Observes the process and its event loop; gives what ends that. */
export function observeRuntime(meter: Meter): () => void {
  meter
    .createObservableCounter("process.cpu.time", {
      description: "How long the process had a processor.",
      unit: "s",
    })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe(user * MICROSECOND, { "cpu.mode": "user" });
      result.observe(system * MICROSECOND, { "cpu.mode": "system" });
    });
  meter
    .createObservableUpDownCounter("process.memory.usage", {
      description: "How much memory the process has.",
      unit: "By",
    })
    .addCallback((result) => {
      result.observe(process.memoryUsage.rss());
    });
  meter
    .createObservableGauge("process.uptime", {
      description: "How long the process has run.",
      unit: "s",
    })
    .addCallback((result) => {
      result.observe(process.uptime());
    });

  const loop = new EventLoop();
  meter
    .createObservableGauge("nodejs.eventloop.utilization", {
      description: "For which part of the time the event loop was busy.",
      unit: "1",
    })
    .addCallback((result) => {
      result.observe(loop.utilization);
    });
  meter
    .createObservableGauge("nodejs.eventloop.delay.p99", {
      description: "By how much the event loop was late, all but once in 100.",
      unit: "s",
    })
    .addCallback((result) => {
      result.observe(loop.delay);
    });
  return () => {
    loop.close();
  };
}

class EventLoop {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #delays: number[] = [];
  readonly #used = [performance.eventLoopUtilization()];
  readonly #timer = setInterval(() => {
    this.#next();
  }, PART_MS).unref();

  constructor() {
    this.#delay.enable();
  }

  /** Of one, for the last minute. */
  get utilization(): number {
    return performance.eventLoopUtilization(this.#used[0]).utilization;
  }

  /** Of the parts of the last minute the worst, in seconds. */
  get delay(): number {
    return Math.max(this.#late, ...this.#delays);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  // What is measured is the time between two rounds, which is the resolution where
  // nothing is late.
  get #late(): number {
    const between = this.#delay.percentile(99) * NANOSECOND;
    return Math.max(between - RESOLUTION_MS / 1000, 0);
  }

  #next(): void {
    this.#delays.push(this.#late);
    this.#used.push(performance.eventLoopUtilization());
    if (this.#delays.length >= PARTS) this.#delays.shift();
    if (this.#used.length > PARTS) this.#used.shift();
    this.#delay.reset();
  }
}
