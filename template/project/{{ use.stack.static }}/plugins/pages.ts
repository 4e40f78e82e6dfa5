import { readdirSync } from "node:fs";
import type { HtmlTagDescriptor, Plugin } from "vite";
import type { Site } from "./site.ts";

/** The pages of the site: every one that is beside index.html. */
export function pageFiles(): string[] {
  return readdirSync(".").filter((file) => file.endsWith(".html"));
}

/** Puts what package.json says into the pages; keeps all but the live site out of search results. */
export function pages(site: Site): Plugin {
  const words = {
    "%SITE_NAME%": escaped(site.name),
    "%SITE_DESCRIPTION%": escaped(site.description),
  };
  const hidden: HtmlTagDescriptor = {
    tag: "meta",
    attrs: { name: "robots", content: "noindex" },
    injectTo: "head",
  };
  return {
    name: "pages",
    transformIndexHtml: {
      order: "pre",
      handler(html) {
        for (const [word, text] of Object.entries(words)) {
          html = html.replaceAll(word, () => text);
        }
        return { html, tags: site.environment === "live" ? [] : [hidden] };
      },
    },
  };
}

/** Text as HTML, in an element or between double quotes. */
export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
