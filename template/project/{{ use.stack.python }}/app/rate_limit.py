import math
from dataclasses import dataclass

WINDOW_SECONDS = 60.0
# Bounds the memory that many addresses can take. The oldest window makes room.
MAX_CLIENTS = 10_000


@dataclass(slots=True)
class _Window:
    ends: float
    requests: int


class RateLimiter:
    """So many requests a client and minute, counted in the memory of this instance."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._windows: dict[str, _Window] = {}

    def retry_after(self, client: str, now: float) -> int:
        """Count a request: 0 if it may pass, else the seconds until one may again."""
        window = self._windows.get(client)
        if window is None or now >= window.ends:
            self._windows.pop(client, None)
            if len(self._windows) >= MAX_CLIENTS:
                del self._windows[next(iter(self._windows))]
            self._windows[client] = _Window(now + WINDOW_SECONDS, 1)
            return 0
        window.requests += 1
        return 0 if window.requests <= self.limit else math.ceil(window.ends - now)
