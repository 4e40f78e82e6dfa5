const PERIOD_MS = 60_000;

/** Does something at most once a minute: what clients cause must not fill the log. */
export function seldom(act: () => void): () => void {
  let next = 0;
  return () => {
    const now = performance.now();
    if (now < next) return;
    next = now + PERIOD_MS;
    act();
  };
}
