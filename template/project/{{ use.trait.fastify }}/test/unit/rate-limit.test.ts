import { expect, test } from "vitest";
import { RateLimiter } from "../../src/rate-limit.ts";

const SECOND = 1000;

test("lets a client make its number of requests in a minute", () => {
  const limiter = new RateLimiter(2);
  expect(limiter.hit("a", 0)).toBeUndefined();
  expect(limiter.hit("a", 10 * SECOND)).toBeUndefined();
  expect(limiter.hit("a", 15.5 * SECOND)).toBe(45);
  expect(limiter.hit("b", 15.5 * SECOND)).toBeUndefined();
  expect(limiter.hit("a", 60 * SECOND)).toBeUndefined();
});

test("remembers 10 000 clients and forgets the one it saw first", () => {
  const limiter = new RateLimiter(1);
  for (let client = 0; client < 10_001; client += 1) {
    limiter.hit(String(client), client);
  }
  expect(limiter.hit("1", 20_000)).toBe(41);
  expect(limiter.hit("0", 20_000)).toBeUndefined();
});
