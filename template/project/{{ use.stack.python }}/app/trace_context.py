"""The trace that a request is part of, by the header of W3C's Trace Context."""

import re
from contextvars import ContextVar

# Version, trace, span of the caller, flags; a later version may have more.
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)

#: The header for what the service calls while it serves a request, if that is part of a trace.
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


def valid(header: bytes | None) -> str | None:
    """Give a header that says what it should, or None."""
    found = header and _TRACEPARENT.fullmatch(header)
    if not header or not found or (found[1] == b"00" and found[5]):
        return None
    return header.decode()


def trace_id() -> str | None:
    """Give the trace of the request that is being served."""
    header = traceparent.get()
    return header and header[3:35]
