const REDACTED = "[Redacted]";

// Parts of a name, or words of it where a part would be in many others. A URL of
// something often carries a password.
const SECRET_NAME = new RegExp(
  "api_?key|access_?key|cookie|credential|pass(phrase|wd|word|code)|private|secret|session|token" +
    "|(pass|pwd)(?![a-z])" +
    "|(?<![a-z])(o?auth|authorization|bearer|connection|cv[cv]|dsn|jwt|keys?|pin|t?otp)(?![a-z])" +
    "|.[^a-z]ur[il](?![a-z])",
);
const HUMP = /(?<=[a-z\d])(?=[A-Z])/g;

const USER = /(?<=:\/\/)[^\s/?#"'<>]*@/g;
const QUERY = /(\/[^\s?#"'<>]*)([?#][^\s"'<>]+)?/g;
const QUOTED =
  /(?<![\w-])([\w-]{1,100})(["']?\s{0,3}[:=]\s{0,3})("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/gs;

/** Whether the value of a variable or field of this name must not be shown. */
export function isSecret(name: string): boolean {
  return SECRET_NAME.test(name.replace(HUMP, "_").toLowerCase());
}

/** What is left of a JSON value without what sounds secret, at any depth. */
export function redacted(value: unknown): unknown {
  if (typeof value === "string") return redactedText(value);
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isSecret(name) ? REDACTED : redacted(member),
    ]),
  );
}

function redactedText(text: string): string {
  let shown = text;
  if (text.includes("/")) {
    shown = shown
      .replace(USER, `${REDACTED}@`)
      .replace(QUERY, (_match, url: string, query?: string) =>
        query ? `${url}${query.charAt(0)}${REDACTED}` : url,
      );
  }
  if (/["']/.test(text)) {
    shown = shown.replace(QUOTED, (match, name: string, between: string) =>
      isSecret(name) ? `${name}${between}"${REDACTED}"` : match,
    );
  }
  return shown;
}
