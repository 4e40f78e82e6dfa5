"""What clients can do to a connection, which no application ever gets to see."""

import time

from tests.integration.server import SLOW_SERVICE, Server, read, receive

POST = b"POST /_test HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def status(response: bytes) -> bytes:
    head, _, _ = response.partition(b"\r\n\r\n")
    if head and b" 200 " not in head:
        assert b"\r\ncontent-type: application/problem+json" in head
        assert b"\r\nx-request-id: " in head
        assert b"\r\nx-content-type-options: nosniff" in head
        assert b"\r\nserver:" not in head.lower()
    return head[9:12]


def test_a_request_that_is_not_http_is_a_problem() -> None:
    with Server() as server:
        for request in (
            b"hello\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
            b"GET /\r\nHost: a\r\n\r\n",
        ):
            assert status(read(server.connect(request))) == b"400"


def test_a_head_that_is_too_large_is_refused_at_once_and_in_parts() -> None:
    with Server() as server:
        large = b"GET /_test HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 17_000
        client = server.connect(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        receive(client)
        client.sendall(large)
        for refused in (client, server.connect(large), server.connect(large + b"\r\n\r\n")):
            # Closed while bytes are on their way, a connection may lose the answer.
            assert status(read(refused)) in {b"431", b""}
        assert "request completed" not in server.stdout


def test_a_head_or_body_that_does_not_come_is_not_waited_for() -> None:
    with Server(SLOW_SERVICE, REQUEST_TIMEOUT_SECONDS="1") as server:
        silent = server.connect()
        head = server.connect(b"GET /_test HTTP/1.1\r\nHost:")
        body = server.connect(POST + b"Content-Length: 5\r\n\r\n{")
        ignored = server.connect(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{")
        assert status(read(silent)) in {b"", b"408"}
        assert status(read(head)) == b"408"
        assert status(read(body)) == b"408"
        assert status(read(ignored)) == b"404"


def test_beyond_the_limit_the_connection_that_is_idle_longest_makes_room() -> None:
    with Server(MAX_CONNECTIONS="2") as server:
        request = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        oldest, other = server.connect(), server.connect(b"GET /nowhere HTTP/1.1\r\n")
        assert status(read(server.connect(request))) == b"200"
        assert read(oldest) == b""
        other.sendall(b"Host: a\r\nConnection: close\r\n\r\n")
        assert status(read(other)) == b"404"
        server.wait_for("too many connections")


def test_beyond_the_limit_a_connection_that_does_not_read_makes_room() -> None:
    with Server(SLOW_SERVICE, MAX_CONNECTIONS="1", MAX_BODY_BYTES=str(2**25)) as server:
        thing = b'{"name": "%b"}' % (b"x" * 2**24)
        client = server.connect(POST + b"Content-Length: %d\r\n\r\n" % len(thing) + thing)
        server.wait_for("request completed")
        request = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert status(read(server.connect(request))) == b"200"
        assert len(read(client)) < len(thing)


def test_with_all_connections_busy_probes_are_still_answered() -> None:
    with Server(SLOW_SERVICE, MAX_CONNECTIONS="1") as server:
        request = b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        busy = server.connect(request % b"/slow/1500")
        time.sleep(0.5)
        assert status(read(server.connect(request % b"/healthz"))) == b"200"
        refused = read(server.connect(request % b"/slow/1"))
        assert status(refused) == b"503"
        assert b"\r\nretry-after: 1\r\n" in refused
        assert status(read(busy)) == b"200"


def test_a_stream_may_take_longer_than_a_request() -> None:
    with Server(SLOW_SERVICE, REQUEST_TIMEOUT_SECONDS="1") as server:
        request = b"GET /stream/1500 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert read(server.connect(request)).endswith(b"finished\r\n0\r\n\r\n")


def test_an_upgrade_that_is_not_offered_is_ignored() -> None:
    with Server(SLOW_SERVICE) as server:
        upgrade = b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n"
        request = b"GET /_test HTTP/1.1\r\nHost: a\r\n" + upgrade + b"\r\n"
        assert read(server.connect(request)).startswith(b"HTTP/1.1 200 ")
        assert "pgrade" not in server.stdout
