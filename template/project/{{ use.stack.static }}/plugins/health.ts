import type { Plugin } from "vite";
import type { Site } from "./site.ts";

/**
 * What a service answers to health checks, as files: ops/smoke and uptime monitors ask a site the
 * same way. A host that serves them serves the rest, so there is nothing else to be ready.
 */
export function health(site: Site): Plugin {
  const { name, version, commit, environment } = site;
  const answers = {
    healthz: { status: "ok", version, commit },
    readyz: { status: "ready" },
    version: { name, version, commit, environment },
  };
  return {
    name: "health",
    configureServer(server) {
      for (const [path, answer] of Object.entries(answers)) {
        server.middlewares.use(`/${path}`, (_request, response) => {
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify(answer));
        });
      }
    },
    generateBundle() {
      for (const [fileName, answer] of Object.entries(answers)) {
        const source = `${JSON.stringify(answer)}\n`;
        this.emitFile({ type: "asset", fileName, source });
      }
    },
  };
}
