import { expect, test } from "vitest";
import { testApp } from "../helpers/app.ts";
import { receive } from "../helpers/receiver.ts";

test("Sentry knows of errors that nobody expected, and of no secret", async () => {
  const receiver = await receive(200);
  const { host } = new URL(receiver.OTEL_EXPORTER_OTLP_ENDPOINT);
  const { app } = testApp({ SENTRY_DSN: `http://key@${host}/1` });
  app.get("/_broken/:id", async () => {
    throw new Error("no login at https://ada:s3cret@db");
  });
  await app.inject("/_broken/1?token=s3cret");
  await app.inject("/nope");
  expect(await app.observers.flush(Infinity)).toBe(true);
  expect(receiver.received).toHaveLength(1);
  const [{ request, body } = { request: undefined, body: "" }] =
    receiver.received;
  expect(request?.url).toMatch(/^\/api\/1\/envelope\//);
  expect(body).toContain('"transaction":"GET /_broken/:id"');
  expect(body).toContain('"environment":"sandbox"');
  expect(body).toContain("no login at https://[Redacted]@db");
  expect(body).not.toContain("s3cret");
});
