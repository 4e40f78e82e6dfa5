import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { onTestFinished, vi } from "vitest";
import { required } from "./environment.ts";

/** Runs a server in its own process, killed at the latest when the test ends. */
export async function startServer(script: string, env: NodeJS.ProcessEnv = {}) {
  const port = await freePort();
  const server = runServer(script, {
    HOST: "127.0.0.1",
    PORT: String(port),
    ...env,
  });
  await server.logged('"msg":"listening"');
  return { ...server, port, url: `http://127.0.0.1:${port}` };
}

export function runServer(script: string, env: NodeJS.ProcessEnv) {
  // Only the given variables: the tests must not depend on the caller's. What one
  // server compiled the next ones start with, in half of the time.
  const NODE_COMPILE_CACHE = "node_modules/.cache/node";
  const child = spawn(process.execPath, [script], {
    env: { NODE_COMPILE_CACHE, ...required, ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));

  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = once(child, "close");

  return {
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    logged: (text: string) =>
      vi.waitFor(
        () => {
          if (!stdout.includes(text)) {
            throw new Error(`"${text}" not logged:\n${stdout}${stderr}`);
          }
        },
        { timeout: 10_000, interval: 20 },
      ),
    async exit() {
      await closed;
      return { code: child.exitCode, stdout, stderr };
    },
  };
}

/** Gives one below those that the system hands out, so that nobody gets it meanwhile. */
export async function freePort(): Promise<number> {
  const port = randomInt(10_000, 32_768);
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return freePort();
  }
  server.close();
  await once(server, "close");
  return port;
}
