import pytest

from app.trace_context import trace_id, traceparent, valid

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.mark.parametrize("header", [f"00-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-00-more"])
def test_a_trace_is_known_by_its_header(header: str) -> None:
    assert valid(header.encode()) == header
    token = traceparent.set(header)
    assert trace_id() == TRACE
    traceparent.reset(token)


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"trace",
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE}-{SPAN}-01-more".encode(),
        f"00-{TRACE}-{SPAN}-01\n".encode(),
    ],
)
def test_anything_else_is_none(header: bytes | None) -> None:
    assert valid(header) is None
