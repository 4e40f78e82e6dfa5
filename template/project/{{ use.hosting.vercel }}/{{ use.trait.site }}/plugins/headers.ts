import { readFileSync } from "node:fs";

interface Rule {
  source: string;
  headers: { key: string; value: string }[];
}

/** The headers that vercel.json sets for a path; a group in parentheses is all it may have of a pattern. */
export function headersOf(path: string): [name: string, value: string][] {
  const { headers } = JSON.parse(readFileSync("vercel.json", "utf8")) as {
    headers: Rule[];
  };
  return headers
    .filter(({ source }) => new RegExp(`^${source}$`).test(path))
    .flatMap((rule) => rule.headers)
    .map(({ key, value }) => [key, value]);
}
