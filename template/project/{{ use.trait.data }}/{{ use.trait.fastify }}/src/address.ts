import { X509Certificate } from "node:crypto";
import { type Config, ConfigError } from "./config.ts";

/** Ends the start: a driver would say what is wrong at the first request, and show a part of the address. */
export function unreadable(expected: string): ConfigError {
  return new ConfigError([
    `DATABASE_URL: expected ${expected}, got a value that is not shown`,
  ]);
}

/** The address of one server; what is before its path can be decoded. */
export function databaseUrl({ DATABASE_URL }: Config): URL {
  const url = new URL(DATABASE_URL);
  try {
    [url.username, url.password, url.pathname].forEach(decodeURIComponent);
  } catch {
    throw unreadable("%-escapes in its user and password");
  }
  if (!url.hostname) throw unreadable("a host");
  return url;
}

/** Who signed the database's certificate, where that is none that everybody knows. */
export function authority({ DATABASE_CA }: Config): string | undefined {
  const ca = DATABASE_CA?.replaceAll(String.raw`\n`, "\n");
  try {
    if (ca) new X509Certificate(ca);
  } catch {
    throw new ConfigError(["DATABASE_CA: expected a certificate as PEM"]);
  }
  return ca;
}
