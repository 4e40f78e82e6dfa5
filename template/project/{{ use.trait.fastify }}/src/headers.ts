import type { Config } from "./config.ts";

/** Sent with every response. A route or a plugin may set its own instead. */
export function securityHeaders({ APP_ENV }: Pick<Config, "APP_ENV">) {
  return {
    // Data is not a page: if a browser shows it, nothing in it may run.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    // Not on a developer's machine: browsers would refuse http://localhost, for
    // every other project as well.
    ...(APP_ENV !== "local" && {
      "strict-transport-security": "max-age=31536000; includeSubDomains",
    }),
  };
}
