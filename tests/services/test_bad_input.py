"""Whatever is sent to a service, it answers by the protocol or hangs up; it never fails."""

from __future__ import annotations

import random
import time

import pytest

from .conftest import Start
from .service import Service, problem

pytestmark = pytest.mark.slow

HOST = b"Host: localhost\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"

#: Two readings of where a request ends are how one is smuggled past a proxy.
AMBIGUOUS = {
    "length and chunks": (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: 6\r\nTransfer-Encoding: chunked"
        b"\r\n\r\n0\r\n\r\nX"
    ),
    "chunks and length": (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\nContent-Length: 6"
        b"\r\n\r\n0\r\n\r\nX"
    ),
    "two lengths": (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}"
    ),
    "a list of lengths": b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: 2, 20\r\n\r\n{}",
    "a negative length": b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: -2\r\n\r\n{}",
    "a signed length": b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: +2\r\n\r\n{}",
    "a length in hex": b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: 0x2\r\n\r\n{}",
    "a length beyond numbers": (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: 99999999999999999999\r\n\r\n{}"
    ),
    "space before a colon": (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunked is not last": (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"
    ),
    "chunked in other letters": (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"
    ),
    "a chunk size that is none": (
        b"POST /notes HTTP/1.1\r\n"
        + JSON
        + b"Transfer-Encoding: chunked\r\n\r\nZ\r\n{}\r\n0\r\n\r\n"
    ),
    "a chunk longer than its size": (
        b"POST /notes HTTP/1.1\r\n"
        + JSON
        + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n"
    ),
    "a folded header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\r\n b: c\r\n\r\n",
}
MALFORMED = {
    "garbage": b"\x00\x01\x02\xff\xfe\r\n\r\n",
    "a TLS greeting": bytes.fromhex("16030100c4010000c00303") + b"\x00" * 190,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n",
    "no version": b"GET /healthz\r\n" + HOST + b"\r\n",
    "no path": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown method": b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method in small letters": b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "a header without a colon": b"GET /healthz HTTP/1.1\r\n" + HOST + b"absurd\r\n\r\n",
    "a header without a name": b"GET /healthz HTTP/1.1\r\n" + HOST + b": absurd\r\n\r\n",
    "a space in a name": b"GET /healthz HTTP/1.1\r\n" + HOST + b"ab surd: x\r\n\r\n",
    "a NUL in a header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "a bare carriage return": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\rY: b\r\n\r\n",
    "a NUL in the path": b"GET /heal\x00thz HTTP/1.1\r\n" + HOST + b"\r\n",
}
#: Odd, but no fault of the request's form; what it is answered is told by the other tests.
ODD = {
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the query": b"GET /notes?\xff=\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "UTF-8 in the path": "GET /ü HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "bytes in a header": b"GET /notes HTTP/1.1\r\n" + HOST + b"X-Request-Id: \xff\xfe\r\n\r\n",
    "a path of 8 KiB": b"GET /" + b"a/" * 4096 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a climbing path": b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "a climbing path, encoded": b"GET /%2e%2e%2fetc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "tunnel": b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an expectation nobody has": b"GET /notes HTTP/1.1\r\n" + HOST + b"Expect: rain\r\n\r\n",
    "two hosts": b"GET /notes HTTP/1.1\r\n" + HOST + b"Host: b\r\n\r\n",
    "a hundred queries": b"GET /notes?" + b"limit=1&" * 100 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query that nests": b"GET /notes?limit[a][b]=1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query of prototypes": b"GET /notes?__proto__=1&constructor=2 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a date as a note": b"GET /notes/2026-01-01 HTTP/1.1\r\n" + HOST + b"\r\n",
}
BODIES = {
    "deep arrays": b'{"title": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "unclosed arrays": b"[" * 500_000,
    "a long integer": b'{"title": "a", "x": ' + b"9" * 100_000 + b"}",
    "a great exponent": b'{"title": "a", "x": 1e999999999}',
    "half a surrogate": b'{"title": "\\ud800"}',
    "a NUL": b'{"title": "\\u0000"}',
    "a byte order mark": b'\xef\xbb\xbf{"title": "a"}',
    "a prototype": b'{"title": "proto", "__proto__": {"admin": true}, "constructor": {"a": {}}}',
    "the same member twice": b'{"title": "a", "title": 7}',
    "many members": b'{"title": "a", ' + b",".join(b'"x%d": 1' % n for n in range(50_000)) + b"}",
    "only spaces": b" " * 100_000,
    "NULs": b"\x00" * 100,
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_a_request_with_two_readings_is_read_in_neither(service: Service, what: str) -> None:
    smuggled = b"GET /version HTTP/1.1\r\n" + HOST + b"\r\n"
    with service.connect() as connection:
        connection.sendall(AMBIGUOUS[what] + smuggled)
        answer = connection.receive()
        assert answer is None or problem(answer)["status"] == 400
        assert connection.closed(), "what follows is not read"
    assert_well(service)


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_request_is_refused_or_the_connection_closed(
    service: Service, what: str
) -> None:
    with service.connect() as connection:
        connection.sendall(MALFORMED[what])
        answer = connection.receive()
        if answer is not None:
            assert problem(answer)["status"] in {400, 405, 505}
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"]
            assert "server" not in answer.headers
    assert_well(service)


@pytest.mark.parametrize("what", ODD)
def test_an_odd_request_is_no_fault_of_the_service(service: Service, what: str) -> None:
    answer = service.send(ODD[what])
    assert answer is None or answer.status < 500, answer
    assert answer is None or answer.status < 300 or problem(answer)
    assert_well(service)


@pytest.mark.parametrize("what", BODIES)
def test_an_odd_body_is_no_fault_of_the_service(service: Service, what: str) -> None:
    response = service.client.post(
        "/notes", content=BODIES[what], headers={"content-type": "application/json"}
    )
    assert response.status_code in {201, 400, 409, 422}, response.text
    listed = service.client.get("/notes", params={"limit": 100})
    assert listed.status_code == 200, "what was stored can be read again"
    if response.status_code == 201:
        assert service.client.delete(response.headers["location"]).status_code == 204
    assert_well(service)


def test_unknown_members_are_dropped_whatever_their_names(service: Service) -> None:
    response = service.client.post(
        "/notes", content=BODIES["a prototype"], headers={"content-type": "application/json"}
    )
    assert response.status_code == 201, response.text
    assert response.json().keys() == {"id", "title", "body", "createdAt"}
    service.client.delete(response.headers["location"])


# Old and unusual, yet by the protocol


def test_http_1_0_is_answered_and_closed(service: Service) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        answer = connection.receive()
        assert answer is not None
        assert answer.status == 200
        assert connection.closed()


def test_a_whole_url_as_the_target_is_its_path(service: Service) -> None:
    answer = service.send(b"GET http://localhost/healthz?x HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_an_upgrade_is_not_taken_up(service: Service, protocol: bytes) -> None:
    answer = service.send(
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: " + protocol
        + b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )  # fmt: skip
    assert answer is not None
    assert answer.status == 200
    assert_well(service)


def test_a_body_may_be_announced_first(service: Service) -> None:
    head = (
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Expect: 100-continue\r\nContent-Length: 16\r\n\r\n"
    )
    with service.connect() as connection:
        connection.sendall(head)
        assert connection.socket.recv(1024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b'{"title": "abc"}')
        answer = connection.receive("POST")
    assert answer is not None
    assert answer.status == 201
    service.client.delete(answer.headers["location"])


def test_requests_sent_together_are_answered_in_their_order(service: Service) -> None:
    paths = [b"/healthz", b"/nope", b"/version", b"/notes?limit=0", b"/readyz"]
    with service.connect() as connection:
        connection.sendall(b"".join(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, HOST) for path in paths))
        statuses = [(answer := connection.receive()) and answer.status for _ in paths]
    assert statuses == [200, 404, 200, 422, 200]


def test_a_client_that_hangs_up_is_no_error(run: Start) -> None:
    service = run()
    for data in (
        b"GET /notes HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Content-Length: 100\r\n\r\n{",
        b"POST /notes HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"GET /no",
        b"",
    ):
        for _ in range(20):
            connection = service.connect()
            connection.sendall(data)
            connection.close()
    assert_well(service)
    assert service.stop() == 0
    assert {line["level"] for line in service.log()} == {"info"}
    assert service.errors() == ""


def test_random_bytes_are_survived(service: Service) -> None:
    chance = random.Random(1)  # noqa: S311  # the same bytes in every run
    valid = b"POST /notes?limit=1 HTTP/1.1\r\n" + JSON + b'Content-Length: 14\r\n\r\n{"title": "a"}'
    begin = time.monotonic()
    for _ in range(300):
        request = bytearray(valid)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(request))
            request[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        with service.connect(0.05) as connection:
            connection.sendall(bytes(request))
            try:
                answer = connection.receive()
            except TimeoutError:  # it waits for the rest
                continue
            assert answer is None or answer.status < 500, bytes(request)
    assert time.monotonic() - begin < 60
    assert_well(service)


def assert_well(service: Service) -> None:
    """Check that a service goes on as if nothing had been."""
    assert service.client.get("/healthz").status_code == 200
    assert service.process.poll() is None
    assert service.errors() == ""
    assert not [line for line in service.log() if line["level"] in {"error", "fatal"}]
