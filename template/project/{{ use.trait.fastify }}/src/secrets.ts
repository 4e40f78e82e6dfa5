const REDACTED = "[Redacted]";

// Parts of a name, or words of it where a part would be in many others. A URL of
// something often carries a password.
const SECRET_NAME = new RegExp(
  "api_?key|access_?key|cookie|credential|pass(phrase|wd|word|code)|private|secret|session|token" +
    "|(pass|pwd)(?![a-z])" +
    "|(?<![a-z])(o?auth|authorization|bearer|connection|cv[cv]|dsn|jwt|keys?|pin|t?otp)(?![a-z])" +
    "|.[^a-z]ur[il](?![a-z])",
);
const HARMLESS_NAME = new RegExp(
  "^((.*_)?(bypass|compass|secretary)|(avatar|base|image|public)_ur[il]|connection_id" +
    "|(cache|foreign|primary|public)_keys?|(input|max|output|total)_tokens|tokens?_(count|limit))$",
);
const HUMP = /(?<=[a-z\d])(?=[A-Z])/g;

// A password may have a slash in it, but `host:80/` is a port.
const USER =
  /(?<=:\/\/)(?:[^\s/?#:"'<>]*:(?!\d+[/?#])[^\s"'<>]{0,200}@|[^\s/?#"'<>]*@)/g;
const QUERY = /(\/[^\s?#"'<>]*)([?#][^\s"'<>]+)?/g;
// A quoted value or a number, but `auth:80` is a host and `KeyError: 'name'` says
// what is wrong.
const VALUE =
  /(?<![\w-])([\w-]{1,100})(?<!Error|Exception)(["']?\s{0,3}[:=]\s{0,3})("[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'|(?<!\w:)-?\d[\d.]*)/gs;

/** Whether the value of a variable or field of this name must not be shown. */
export function isSecret(name: string): boolean {
  const words = name.replace(HUMP, "_").toLowerCase();
  return SECRET_NAME.test(words) && !HARMLESS_NAME.test(words);
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
  if (/[:=]/.test(text)) {
    shown = shown.replace(VALUE, (match, name: string, between: string) =>
      isSecret(name) ? `${name}${between}"${REDACTED}"` : match,
    );
  }
  return shown;
}
