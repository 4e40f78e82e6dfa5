import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Plugin } from "vite";
import { headersOf } from "./headers.ts";

/** Makes `npm run preview` answer as the host does: its headers, and 404.html where nothing is. */
export function host(): Plugin {
  return {
    name: "host",
    configurePreviewServer(server) {
      const { root, build } = server.config;
      const dist = resolve(root, build.outDir);
      server.middlewares.use((request, response, next) => {
        for (const [name, value] of headersOf(pathOf(request.url))) {
          response.setHeader(name, value);
        }
        next();
      });
      // After the files, and after a path was taken for the page that it is short for.
      return () => {
        server.middlewares.use((request, response, next) => {
          if (existsSync(join(dist, pathOf(request.url)))) {
            next();
            return;
          }
          response.statusCode = 404;
          response.setHeader("content-type", "text/html; charset=utf-8");
          response.end(readFileSync(join(dist, "404.html")));
        });
      };
    },
  };
}

function pathOf(url = "/"): string {
  const [path = "/"] = url.split("?", 1);
  return path;
}
