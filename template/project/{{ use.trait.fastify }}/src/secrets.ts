// URLs and connection strings are included because they often carry a password.
export const SECRET_NAME =
  /auth|connection|cookie|credential|dsn|jwt|key|pass|private|pwd|secret|session|token|uri|url/i;

/** Whether the value of a variable or field of this name must not be shown. */
export function isSecret(name: string): boolean {
  return SECRET_NAME.test(name);
}
