import { defineConfig, loadEnv } from "vite";
import { health } from "./plugins/health.ts";
import { host } from "./plugins/host.ts";
import { pageFiles, pages } from "./plugins/pages.ts";
import { readSite } from "./plugins/site.ts";

export default defineConfig(({ mode }) => {
  const site = readSite(loadEnv(mode, import.meta.dirname));
  return {
    appType: "mpa", // a path without a page is 404.html, not index.html
    plugins: [pages(site), health(site), host()],
    build: {
      rolldownOptions: { input: pageFiles() },
      // The content security policy lets in files of the site, no data: URLs.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  };
});
