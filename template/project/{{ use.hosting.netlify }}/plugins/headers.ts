import { readFileSync } from "node:fs";

/** The headers that `public/_headers` sets for a path. */
export function headersOf(path: string): [name: string, value: string][] {
  const found: [string, string][] = [];
  let applies = false;
  for (const line of readFileSync("public/_headers", "utf8").split("\n")) {
    if (line.startsWith("/")) {
      applies = matches(line.trim(), path);
    } else if (applies && line.startsWith("  ")) {
      const colon = line.indexOf(":");
      found.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
    }
  }
  return found;
}

/** Whether a path is the one of a rule; a rule that ends in an asterisk is for all below it. */
function matches(rule: string, path: string): boolean {
  return rule.endsWith("*")
    ? path.startsWith(rule.slice(0, -1))
    : path === rule;
}
