from asyncio import Transport

from app.logs import seldom

# So many more are let in while all are busy, for probes to get through.
SPARE = 16


class Connections:
    """Keeps the open connections within a limit: the one idle longest makes room."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._spare = min(SPARE, limit)
        self._open: set[Transport] = set()
        # Those without a request that is not answered yet, the longest first.
        self._idle: dict[Transport, None] = {}
        self._warn = seldom("too many connections, closing idle ones", limit=limit)

    @property
    def overloaded(self) -> bool:
        """Whether more are busy than may be: only probes are answered then."""
        return len(self._open) - len(self._idle) > self._limit

    def opened(self, transport: Transport) -> None:
        self._open.add(transport)
        self._idle[transport] = None
        more = len(self._open) - self._limit
        if more > 0 and max(more, len(self._idle)) > self._spare:
            self._warn()
            oldest = next(iter(self._idle))
            self.closed(oldest)
            oldest.abort()  # close() would wait until it has read its last answer

    def closed(self, transport: Transport) -> None:
        self._open.discard(transport)
        self._idle.pop(transport, None)

    def request_begins(self, transport: Transport) -> None:
        self._idle.pop(transport, None)

    def requests_end(self, transport: Transport) -> None:
        if transport in self._open:
            self._idle[transport] = None
