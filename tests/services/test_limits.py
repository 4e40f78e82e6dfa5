"""What a client may ask of a service: so often, so much, so slowly, over so many connections."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

import pytest

from .conftest import Start
from .service import Connection, Service, problem

pytestmark = pytest.mark.slow

GET = b"GET /notes HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /notes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

# How often


def test_a_client_that_asks_too_often_is_told_when_to_come_back(run: Start) -> None:
    client = run(RATE_LIMIT_PER_MINUTE="3").client
    assert [client.get("/notes").status_code for _ in range(3)] == [200, 200, 200]
    response = client.get("/notes")
    assert problem(response)["title"] == "Too Many Requests"
    assert problem(response)["status"] == 429
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert response.headers["x-content-type-options"] == "nosniff"
    assert client.get("/nope").status_code == 429, "whatever it asks for"


def test_probes_are_never_too_often(run: Start) -> None:
    client = run(RATE_LIMIT_PER_MINUTE="1").client
    client.get("/notes")
    assert client.get("/notes").status_code == 429
    for _ in range(5):
        for path in ("/healthz?probe=1", "/readyz", "/version"):
            assert client.get(path).status_code == 200
        assert client.get("/metrics").status_code == 404


def test_a_limit_of_none_is_no_limit(run: Start) -> None:
    client = run(RATE_LIMIT_PER_MINUTE="0").client
    assert {client.get("/notes").status_code for _ in range(700)} == {200}


def test_every_address_has_a_limit_of_its_own(run: Start) -> None:
    client = run(RATE_LIMIT_PER_MINUTE="1", CLIENT_IP_HEADER="X-Forwarded-For").client

    def status(*addresses: str) -> int:
        headers = [("x-forwarded-for", address) for address in addresses]
        return client.get("/notes", headers=headers).status_code

    assert status("203.0.113.1") == 200
    assert status("203.0.113.1") == 429
    assert status("203.0.113.2") == 200
    assert status("2001:db8::1") == 200
    assert status("2001:db8:0:0:1:2:3:4") == 429, "a /64 is one client"
    assert status("2001:db8:0:1::1") == 200
    # The last address is the one that the platform's own proxy saw; a client can write the rest.
    assert status("192.0.2.1, 203.0.113.1") == 429
    assert status("203.0.113.1,  203.0.113.3") == 200
    assert status("192.0.2.9", "203.0.113.1") == 429


def test_an_address_that_is_none_is_that_of_the_connection(run: Start) -> None:
    client = run(RATE_LIMIT_PER_MINUTE="1", CLIENT_IP_HEADER="x-forwarded-for").client
    assert client.get("/notes").status_code == 200
    for value in ("unknown", "", "203.0.113.7:80", "203.0.113.999", "203.0.113.7,", "[::1]"):
        assert client.get("/notes", headers={"x-forwarded-for": value}).status_code == 429, value


def test_without_a_header_to_trust_an_address_cannot_be_claimed(run: Start) -> None:
    client = run(RATE_LIMIT_PER_MINUTE="1").client
    claims = [{name: "203.0.113.7"} for name in ("x-forwarded-for", "x-real-ip", "fly-client-ip")]
    claims.append({"forwarded": "for=203.0.113.7"})
    assert client.get("/notes").status_code == 200
    assert [client.get("/notes", headers=claim).status_code for claim in claims] == [429] * 4


def test_a_flood_of_addresses_neither_grows_nor_breaks_a_service(run: Start) -> None:
    service = run(RATE_LIMIT_PER_MINUTE="5", CLIENT_IP_HEADER="x-forwarded-for")
    request = "GET /nope HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 2001:db8:0:{:x}::1\r\n\r\n"
    with service.connect() as connection:
        for first in range(0, 20_000, 100):
            batch = (request.format(number) for number in range(first, first + 100))
            connection.sendall("".join(batch).encode())
            for _ in range(100):
                answer = connection.receive()
                assert answer is not None
                assert answer.status == 404
    assert service.memory() < 160
    assert service.client.get("/notes").status_code == 200


# How much


def test_a_body_over_the_limit_is_too_large_and_ends_the_connection(run: Start) -> None:
    service = run(MAX_BODY_BYTES="1000")
    body = b'{"title": "a", "body": "%s"}' % (b"x" * 2000)
    with service.connect() as connection:
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = connection.receive("POST")
        assert answer is not None
        assert problem(answer)["status"] == 413
        assert answer.headers["connection"] == "close"
        assert connection.closed()


def test_a_body_of_the_limit_is_not_too_large(run: Start) -> None:
    client = run(MAX_BODY_BYTES="100").client
    body = '{"title": "%s"}'
    headers = {"content-type": "application/json"}
    exact, over = (body % ("x" * (size - len(body) + 2)) for size in (100, 101))
    assert client.post("/notes", content=exact, headers=headers).status_code == 201
    assert client.post("/notes", content=over, headers=headers).status_code == 413


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_sent(
    service: Service,
) -> None:
    answer = service.send(POST + b"Content-Length: 10000000\r\n\r\n", seconds=5)
    assert answer is not None
    assert problem(answer)["status"] == 413


LIMITED = {
    "CLIENT_IP_HEADER": "x-client",
    "MAX_BUFFERED_BYTES": str(4 * 2**20),
    "REQUEST_TIMEOUT_SECONDS": "5",
}


def unfinished(service: Service, client: int, size: int) -> Connection:
    """Send the first byte of a body that is declared to be so large."""
    connection = service.connect(20)
    connection.sendall(
        POST + b"X-Client: 203.0.113.%d\r\nContent-Length: %d\r\n\r\n{" % (client, size)
    )
    return connection


def test_bodies_together_take_only_so_much_memory_and_those_of_a_client_a_quarter(
    run: Start,
) -> None:
    service = run(**LIMITED | {"REQUEST_TIMEOUT_SECONDS": "60"})
    with ExitStack() as stack:

        def send(client: int, size: int) -> Connection:
            return stack.enter_context(unfinished(service, client, size))

        def refused(client: int, size: int) -> int:
            answer = send(client, size).receive("POST")
            assert answer is not None
            assert problem(answer)["detail"] == "Too many bodies at once"
            assert answer.headers["retry-after"] == "1"
            return answer.status

        kept = [send(1, 1_000_000)]
        assert refused(1, 10) == 429
        kept += [send(2, 1_000_000), send(3, 1_000_000), send(4, 600_000)]
        assert refused(5, 1_000_000) == 503

        with service.connect() as chunked:
            chunked.sendall(POST + b"X-Client: 203.0.113.6\r\nTransfer-Encoding: chunked\r\n\r\n")
            with suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(10):
                    chunked.sendall(b"f000\r\n" + b" " * 0xF000 + b"\r\n")
            answer = chunked.receive("POST")
            assert answer is None or problem(answer)["status"] == 503
        for connection in kept:
            connection.socket.settimeout(0.05)
            with pytest.raises(TimeoutError):
                connection.receive("POST")
        for path in ("/healthz", "/notes"):
            assert service.client.get(path).status_code == 200
    assert len(service.logged("bodies take all the memory they may, refusing some")) == 1


def test_a_body_gives_its_memory_back_whatever_becomes_of_it(run: Start) -> None:
    service = run(**{**LIMITED, "MAX_BODY_BYTES": "65536", "MAX_BUFFERED_BYTES": "1"})

    def status() -> int:
        with unfinished(service, 1, 2) as connection:
            connection.sendall(b"}")
            answer = connection.receive("POST")
            assert answer is not None
            return answer.status

    def comes_back() -> bool:
        end = time.monotonic() + 3
        while status() == 429:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    with unfinished(service, 1, 10) as late:
        assert status() == 429
        answer = late.receive("POST")
        assert answer is not None
        assert answer.status == 408
        assert comes_back()
    with unfinished(service, 1, 10):
        assert status() == 429
    assert comes_back(), "when the client hangs up"
    with unfinished(service, 1, 10) as wrong:
        wrong.sendall(b" not JSON")
        answer = wrong.receive("POST")
        assert answer is not None
        assert answer.status == 400
        assert comes_back()
    assert [status() for _ in range(5)] == [422] * 5


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_are_too_large_and_are_not_kept(service: Service, chunked: bool) -> None:  # noqa: FBT001
    body = b'{"title": "%s"}' % (b"x" * 10_000_000)
    before = service.memory()
    if chunked:
        parts = [body[at : at + 65536] for at in range(0, len(body), 65536)]
        sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        request = POST + b"Transfer-Encoding: chunked\r\n\r\n" + sent
    else:
        request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    answer = service.send(request)
    # A client still sending may lose the response to the reset of its connection.
    assert answer is None or problem(answer)["status"] == 413
    assert service.memory() - before < 50
    assert service.client.get("/healthz").status_code == 200


def test_headers_over_16_kib_are_refused(service: Service) -> None:
    for header in (b"X: " + b"x" * 20_000, b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(3000))):
        answer = service.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n")
        assert answer is None or answer.status in {400, 431}
    answer = service.send(b"GET /healthz?" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer is None or answer.status in {400, 414, 431}
    assert service.client.get("/healthz", headers={"x": "x" * 10_000}).status_code == 200


# How slowly


@pytest.mark.parametrize(
    ("request_", "drop"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"GET /healthz HT", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
        (POST + b"Content-Length: 100\r\n\r\n", b""),
        (POST + b"Content-Length: 100\r\n\r\n", b" "),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
)
def test_a_request_that_never_ends_is_ended(run: Start, request_: bytes, drop: bytes) -> None:
    service = run(REQUEST_TIMEOUT_SECONDS="1")
    begin = time.monotonic()
    with service.connect(0.2) as connection:
        connection.sendall(request_)
        received, ended = b"", False
        while not ended and time.monotonic() - begin < 6:
            try:
                part = connection.socket.recv(4096)
                received, ended = received + part, not part
                if not ended and drop:
                    connection.sendall(drop)
            except TimeoutError:
                connection.sendall(drop)
            except (BrokenPipeError, ConnectionResetError):
                ended = True
    assert ended, "it is still open"
    assert time.monotonic() - begin > 0.8, "a client has its time"
    assert received == b"" or received.startswith(b"HTTP/1.1 408 ")
    assert service.client.get("/healthz").status_code == 200


def test_headers_have_ten_seconds_even_where_requests_have_more(run: Start) -> None:
    service = run(REQUEST_TIMEOUT_SECONDS="30")
    begin = time.monotonic()
    with service.connect(16) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert connection.closed()
    assert 9 < time.monotonic() - begin < 15


def test_a_handler_that_takes_too_long_is_given_up(run_extended: Start) -> None:
    service = run_extended(REQUEST_TIMEOUT_SECONDS="1")
    assert service.client.get("/slow/500").json() == {"finished": True}
    response = service.client.get("/slow/10000")
    assert problem(response) == {
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The request took too long",
    }
    assert 0.9 < response.elapsed.total_seconds() < 3
    assert service.client.get("/notes").status_code == 200


# Over how many connections


def test_for_one_too_many_the_connection_that_is_idle_longest_is_closed(run: Start) -> None:
    service = run(MAX_CONNECTIONS="5")
    time.sleep(0.3)  # the connection that found out whether it listens is gone
    with ExitStack() as stack:
        kept = [stack.enter_context(service.connect(2)) for _ in range(5)]
        for connection in kept[::-1]:
            connection.sendall(GET)
            assert connection.receive() is not None
        answer = service.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer is not None
        assert answer.status == 200
        assert kept.pop().closed()
        for connection in kept:
            connection.sendall(GET)
            assert connection.receive() is not None, "the others are kept"
    assert len(service.logged("too many connections, closing idle ones")) == 1


def test_with_all_connections_busy_only_probes_are_answered(run: Start) -> None:
    service = run(MAX_CONNECTIONS="5")
    time.sleep(0.3)
    with ExitStack() as stack:
        busy = [stack.enter_context(service.connect()) for _ in range(5)]
        for connection in busy:
            connection.sendall(POST + b"Content-Length: 14\r\n\r\n{")
        silent = [stack.enter_context(service.connect()) for _ in range(20)]
        answer = service.send(b"GET /healthz?probe=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer is not None
        assert answer.status == 200
        for _ in range(2):
            answer = service.send(GET)
            assert answer is not None
            assert problem(answer)["detail"] == "Too many connections"
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["connection"] == "close"
        assert silent[0].closed()
        for number, connection in enumerate(busy):
            connection.sendall(b'"title": "%d"}' % number)
            answer = connection.receive("POST")
            assert answer is not None
            assert answer.status == 201
    assert len(service.logged("too many connections are busy, refusing requests")) == 1
