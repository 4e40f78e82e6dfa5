// What `npm run dev` runs: Vite's server, which has the page and passes on the
// rest, and behind it the API, restarted when a file of it changes.
import { spawn } from "node:child_process";
import { createServer } from "vite";

const page = await createServer();
await page.listen();
page.printUrls();

const api = spawn(process.execPath, ["--watch", "src/server.ts"], {
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => api.kill(signal));
}
api.once("exit", () => void page.close().then(() => process.exit()));
