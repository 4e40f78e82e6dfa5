import { statSync } from "node:fs";
import { defineConfig } from "vite";

const { PORT = "3000" } = process.env;

export default defineConfig({
  root: "web",
  appType: "mpa", // one page: other paths are not found rather than the page
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    // The page may load files of its own origin only (src/web.ts), no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      // Whatever is not the page's is the API's.
      "/": {
        target: `http://127.0.0.1:${PORT}`,
        bypass: ({ url = "/" }) => (isOfPage(url) ? url : undefined),
      },
    },
  },
});

/** Whether a path is the page, a file of it, or one of Vite's own (`/@vite/client`). */
function isOfPage(url: string): boolean {
  const { pathname } = new URL(url, "http://localhost");
  if (pathname === "/" || pathname.startsWith("/@")) return true;
  const file = statSync(`web${pathname}`, { throwIfNoEntry: false });
  return file?.isFile() ?? false;
}
