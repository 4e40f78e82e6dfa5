import { expect, test } from "vitest";
import { runServer, startServer } from "../helpers/process.ts";

const SERVER = "src/server.ts";

test("a bad configuration: every problem on stderr, exit code 78", async () => {
  const server = runServer(SERVER, { APP_ENV: "prod", PORT: "abc" });
  expect(await server.exit()).toEqual({
    code: 78,
    stdout: "",
    stderr:
      'APP_ENV: expected one of local, sandbox, testbed, live, got "prod"\n' +
      'PORT: expected integer between 1 and 65535, got "abc"\n',
  });
});

test("a port in use: logged, exit code 1", async () => {
  const { port } = await startServer(SERVER);
  const second = runServer(SERVER, { HOST: "127.0.0.1", PORT: String(port) });
  const { code, stdout } = await second.exit();
  expect(code).toBe(1);
  expect(stdout).toContain("EADDRINUSE");
});
