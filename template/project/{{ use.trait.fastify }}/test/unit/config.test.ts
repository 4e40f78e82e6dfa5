import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ConfigError, parseConfig, readConfig } from "../../src/config.ts";
import { required } from "../helpers/environment.ts";

const read = (env: NodeJS.ProcessEnv) => readConfig({ ...required, ...env });

function problems(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("readConfig", () => {
  test("has a default for what every service reads", () => {
    expect(read({})).toMatchObject({
      APP_ENV: "local",
      CORS_ORIGINS: [],
      GIT_COMMIT: "unknown",
      HOST: "0.0.0.0",
      LOG_LEVEL: "info",
      MAX_BODY_BYTES: 1_048_576,
      MAX_BUFFERED_BYTES: 67_108_864,
      MAX_CONNECTIONS: 1000,
      PORT: 3000,
      RATE_LIMIT_PER_MINUTE: 600,
      REQUEST_TIMEOUT_SECONDS: 30,
      SHUTDOWN_GRACE_SECONDS: 8,
    });
  });

  test("takes values from the environment and ignores foreign variables", () => {
    const config = read({ APP_ENV: "live", PORT: "8080", HOME: "/" });
    expect(config).toMatchObject({ APP_ENV: "live", PORT: 8080 });
    expect(config).not.toHaveProperty("HOME");
  });

  test("treats an empty variable as unset", () => {
    expect(read({ GIT_COMMIT: "", PORT: "" })).toEqual(read({}));
  });

  test("reports all problems at once", () => {
    expect(
      problems(() => read({ APP_ENV: "prod", LOG_LEVEL: "loud", PORT: "abc" })),
    ).toEqual([
      'APP_ENV: expected one of local, sandbox, testbed, live, got "prod"',
      'LOG_LEVEL: expected one of fatal, error, warn, info, debug, trace, got "loud"',
      'PORT: expected integer between 1 and 65535, got "abc"',
    ]);
  });

  test.each(["0", "65536", "-1", "80.5", "1e3", "0x50", " 80"])(
    "rejects the port %j",
    (port) => {
      expect(problems(() => read({ PORT: port }))).toHaveLength(1);
    },
  );

  test.each(["1", "65535"])("accepts the port %j", (port) => {
    expect(read({ PORT: port }).PORT).toBe(Number(port));
  });

  test("takes origins separated by commas", () => {
    const CORS_ORIGINS = "https://app.example.com, http://localhost:5173";
    expect(read({ CORS_ORIGINS }).CORS_ORIGINS).toEqual([
      "https://app.example.com",
      "http://localhost:5173",
    ]);
  });

  test.each([
    "*",
    "null",
    "app.example.com",
    "https://*.example.com",
    "https://app.example.com/",
    "https://app.example.com/path",
    "https://app.example.com,",
    "ftp://app.example.com",
  ])("rejects the origin %j", (CORS_ORIGINS) => {
    expect(problems(() => read({ CORS_ORIGINS }))).toHaveLength(1);
  });

  test("takes the name of a header in any case", () => {
    const { CLIENT_IP_HEADER } = read({ CLIENT_IP_HEADER: "Fly-Client-IP" });
    expect(CLIENT_IP_HEADER).toBe("fly-client-ip");
  });

  test("keeps a problem on one line", () => {
    expect(problems(() => read({ PORT: "1\n2" }))).toEqual([
      String.raw`PORT: expected integer between 1 and 65535, got "1\n2"`,
    ]);
  });
});

describe("parseConfig", () => {
  test.each([
    "API_KEY",
    "DATABASE_URL",
    "DB_PASSWORD",
    "SESSION_SECRET",
    "TOKEN",
  ])("never shows the value of %s", (name) => {
    const schema = z.object({ [name]: z.string().max(3, "too long") });
    expect(problems(() => parseConfig(schema, { [name]: "hunter2" }))).toEqual([
      `${name}: too long, got a value that is not shown`,
    ]);
  });

  test("never shows the user of a URL", () => {
    const schema = z.object({ PROXY: z.string().max(3, "too long") });
    const env = { PROXY: "http://ada:hunter2@proxy" };
    expect(problems(() => parseConfig(schema, env))).toEqual([
      'PROXY: too long, got "http://[Redacted]@proxy"',
    ]);
  });

  test("names a required variable that is not set", () => {
    const schema = z.object({ QUEUE: z.string() });
    expect(problems(() => parseConfig(schema, {}))).toEqual([
      "QUEUE: required but not set",
    ]);
  });
});
