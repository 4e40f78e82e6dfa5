"""The client of vendors' APIs, in the oldest Python that runs it and in newer ones."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest
from conftest import rendered
from vendors.base import SECRET

from scaffold import project

#: What a server does with a connection, once it has read a request.
Reply = Callable[[socket.socket], object]


def sends(status: int, body: str = "", **headers: str) -> Reply:
    """Answer, and close the connection."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} It\r\nContent-Length: {len(body)}\r\n{named}\r\n"
    return lambda at: at.sendall((head + body).encode())


def raw(text: str) -> Reply:
    """Send something, and close the connection."""
    return lambda at: at.sendall(text.encode())


def hang(at: socket.socket) -> None:
    """Say nothing, until the other side has enough."""
    at.settimeout(5)
    at.recv(1)


def drips(at: socket.socket, head: str, drop: bytes) -> None:
    """Send a little now and then, for ever."""
    at.sendall(head.encode())
    with contextlib.suppress(OSError):
        for _ in range(150):
            at.sendall(drop)
            time.sleep(0.02)


def cut(at: socket.socket) -> None:
    """Say nothing."""


CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = sends(200, '{"id": "d1"}')
DRIPS = {
    "body": ("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
    "chunk": ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "size of a chunk": ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "body without an end": ("HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "header": ("HTTP/1.1 200 OK\r\nX: ", b"x"),
    "headers": ("HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "status": ("HTTP/1.1 200 ", b"x"),
}


@dataclass
class Server:
    """A server on loopback: `replies` are what happens to requests, the last one to all others."""

    replies: list[Reply]
    #: What it was sent, the heads of requests with their bodies.
    requests: list[str] = field(default_factory=list)
    secure: SSLContext | None = None
    port: int = 0
    closing: bool = False

    @property
    def host(self) -> str:
        """Its name."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"http{'s' if self.secure else ''}://{self.host}"

    def serve(self, listener: socket.socket) -> None:
        """Take connections, until the listener closes."""
        while True:
            connection, _ = listener.accept()
            if self.closing:
                connection.close()
                return
            threading.Thread(target=self.answer, args=[connection], daemon=True).start()

    def answer(self, plain: socket.socket) -> None:
        """Read a request, and do what is next."""
        with contextlib.suppress(OSError), plain:
            secure = self.secure
            at = secure.wrap_socket(plain, server_side=True) if secure else plain
            with at:
                said = b""
                while b"\r\n\r\n" not in said:
                    part = at.recv(65536)
                    if not part:
                        return
                    said += part
                head, _, body = said.partition(b"\r\n\r\n")
                length = [
                    int(line.split(b":")[1])
                    for line in head.splitlines()
                    if line.lower().startswith(b"content-length")
                ]
                while length and len(body) < length[0]:
                    body += at.recv(65536)
                self.requests.append((head + b"\n\n" + body).decode())
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                reply(at)


@contextlib.contextmanager
def serving(*replies: Reply, secure: SSLContext | None = None) -> Iterator[Server]:
    """Serve until the end of the block."""
    server = Server(list(replies), secure=secure)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=server.serve, args=[listener])
        thread.start()
        try:
            yield server
        finally:
            server.closing = True
            socket.create_connection(("127.0.0.1", server.port)).close()
            thread.join()


@dataclass(frozen=True)
class Done:
    """What came of a call."""

    value: Any
    error: str
    trace: str
    slept: list[float]
    took: float
    denied: bool = False
    not_run: bool = False


@dataclass
class Client:
    """The client, in a process of another Python."""

    process: subprocess.Popen[str]
    pauses: list[float] = field(default_factory=list)

    def call(  # noqa: PLR0913 (what a call is made of)
        self, url: str, *, twice: bool = False, method: str = "POST", path: str = "/deploys",
        body: Any = None, token: str = f"Bearer {SECRET}",
        environment: dict[str, str] | None = None, **settings: str,
    ) -> Done:  # fmt: skip
        """Make a call; no secret is in what came of it."""
        told = {
            "url": url, "twice": twice, "method": method, "path": path, "body": body,
            "token": token, "environment": environment or {},
            "settings": {"HTTP_TIMEOUT": "5", **settings},
        }  # fmt: skip
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        done = Done(**json.loads(self.process.stdout.readline()))
        assert not done.error.startswith("!"), done.trace
        assert SECRET not in done.error + done.trace
        return done


def python(version: str) -> str:
    """Give a Python of a version, or skip the test."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    # pyenv's commands are there for each version, and want to be told which one is meant.
    named, env = f"python{version}", {**os.environ, "PYENV_VERSION": version}
    if shutil.which(named):
        command = [named, "-c", "import sys; print(sys.executable)"]
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
    pytest.skip(f"needs Python {version}")


@pytest.fixture(scope="module", params=["3.9", "3.11", "3.13"])
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """The client, in each Python."""
    folder = tmp_path_factory.mktemp("client")
    project.write(rendered(("hosting", "render")), folder)
    script = Path(__file__).with_name("client.py")
    with subprocess.Popen(
        [python(request.param), "-ISB", "-X", "utf8", str(script), str(folder / "ops/lib")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Client(process)


def test_a_call_brings_what_its_reader_takes_and_says_who_calls(client: Client) -> None:
    with serving(OK) as server:
        done = client.call(server.url, body={"commitId": "abc"})
    assert (done.value, done.error, done.slept) == ("d1", "", [])
    [request] = server.requests
    head, _, body = request.partition("\n\n")
    assert head.startswith("POST /deploys HTTP/1.1\r\n")
    assert f"Authorization: Bearer {SECRET}" in head
    assert json.loads(body) == {"commitId": "abc"}


@pytest.mark.parametrize(
    "reply",
    [
        OK,
        raw('HTTP/1.0 200 OK\r\n\r\n{"id": "d1"}'),
        raw(CHUNKED + '6\r\n{"id":\r\n6\r\n "d1"}\r\n0\r\n\r\n'),
    ],
    ids=["with a length", "to the end", "in chunks"],
)  # fmt: skip
def test_an_answer_is_read_however_it_is_sent(client: Client, reply: Reply) -> None:
    with serving(reply) as server:
        assert client.call(server.url).value == "d1"


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_answer_may_be_empty(client: Client, status: int) -> None:
    with serving(sends(status)) as server:
        done = client.call(server.url)
    assert (done.value, done.error) == (None, "")


# Refused: final at once


@pytest.mark.parametrize("twice", [True, False])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_what_was_refused_is_not_asked_again(client: Client, status: int, *, twice: bool) -> None:
    with serving(sends(status, '{"message": "no, since\\n it is so"}')) as server:
        done = client.call(server.url, twice=twice)
    assert len(server.requests) == 1
    assert done.slept == []
    assert f"POST {server.url}/deploys failed: {status} no, since it is so" in done.error
    assert done.denied is (status in (401, 403))
    assert done.not_run is (status != 409), "what conflicts may be our own"
    assert ("the token is wrong, has expired or may not do this" in done.error) is done.denied


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"message": "why"}', "why"),
        ('{"detail": "why"}', "why"),
        ('{"error": {"message": "why"}}', "why"),
        ('{"error": "why"}', "why"),
        ('{"errors": [{"message": "why"}]}', "why"),
        ('{"id": "not_found"}', "not_found"),
        ('{"message": ["why"]}', ""),
        ('["why"]', ""),
        ("null", ""),
        ("<html>why</html>", ""),
        ("", ""),
    ],
)
def test_why_is_told_in_the_words_of_the_vendor(client: Client, body: str, words: str) -> None:
    with serving(sends(422, body)) as server:
        done = client.call(server.url)
    assert done.error == f"POST {server.url}/deploys failed: 422 {words}".strip()


# Certain not to have run: again, after its time


@pytest.mark.parametrize("twice", [True, False])
@pytest.mark.parametrize("how", ["seconds", "date", "nothing", "nonsense"])
def test_what_was_turned_away_is_asked_again_after_its_time(
    client: Client, how: str, *, twice: bool
) -> None:
    after = {"seconds": "120", "date": formatdate(time.time() + 121, usegmt=True),
             "nonsense": "soon"}.get(how)  # fmt: skip
    with serving(sends(429, **({"Retry_After": after} if after else {})), OK) as server:
        done = client.call(server.url, twice=twice)
    assert done.value == "d1"
    assert len(server.requests) == 2
    [slept] = done.slept
    assert (119 <= slept <= 122) if how in ("seconds", "date") else (1 <= slept <= 2)


def test_a_longer_time_than_a_task_has_is_not_waited_for(client: Client) -> None:
    with serving(sends(429, Retry_After="301"), OK) as server:
        done = client.call(server.url)
    assert (len(server.requests), done.slept, done.not_run) == (1, [], True)
    with serving(sends(429, Retry_After="301"), OK) as server:
        assert client.call(server.url, RETRY_TIMEOUT="900").value == "d1"


def test_what_is_turned_away_time_and_again_certainly_did_not_run(client: Client) -> None:
    with serving(sends(429, Retry_After="10")) as server:
        done = client.call(server.url)
    assert len(server.requests) == 4
    assert [int(pause) for pause in done.slept] == [10] * 3
    assert done.not_run


@pytest.mark.parametrize("twice", [True, False])
def test_a_connection_that_is_refused_is_tried_again_each_time_later(
    client: Client, *, twice: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = client.call(f"http://127.0.0.1:{port}", twice=twice)
    assert [int(pause) for pause in done.slept] == [1, 2, 4]
    assert done.not_run
    assert "Connection refused" in done.error


def test_a_name_that_nobody_knows_is_told(client: Client) -> None:
    done = client.call("http://nowhere.invalid")
    assert "nowhere.invalid: " in done.error
    assert done.not_run


# Unknown: never twice, if it changes something


UNKNOWN: dict[str, Reply] = {
    "500": sends(500),
    "502": sends(502, "<html>"),
    "503, with a time": sends(503, Retry_After="7"),
    "cut": cut,
    "cut in its body": raw('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id": "d1"}'),
    "cut in a chunk": raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n{"id":'),
    "no HTTP": raw("SSH-2.0-OpenSSH\r\n\r\n"),
    "too late": hang,
}
#: Seconds for an answer: many, but where the test is to wait for their end.
PATIENCE = {False: "20", True: "1"}


@pytest.mark.parametrize("how", UNKNOWN)
def test_what_may_have_run_is_not_done_again(client: Client, how: str) -> None:
    with serving(UNKNOWN[how], OK) as server:
        done = client.call(server.url, HTTP_TIMEOUT=PATIENCE[how == "too late"])
    assert len(server.requests) == 1
    assert done.error
    assert not done.not_run


@pytest.mark.parametrize("how", UNKNOWN)
def test_a_question_is_asked_again(client: Client, how: str) -> None:
    with serving(UNKNOWN[how], OK) as server:
        done = client.call(
            server.url, twice=True, method="GET", HTTP_TIMEOUT=PATIENCE[how == "too late"]
        )
    assert len(server.requests) == 2
    assert done.value == "d1"
    assert int(done.slept[0]) == (7 if "time" in how else 1)


@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_never_ends_is_over_in_time(client: Client, what: str) -> None:
    with serving(partial(drips, head=DRIPS[what][0], drop=DRIPS[what][1])) as server:
        done = client.call(server.url, HTTP_TIMEOUT="0.5")
    assert done.error
    assert done.took < 8
    assert not done.not_run


# Answers of another shape


@pytest.mark.parametrize(
    "body", ["[]", "7", '"text"', "{}", '{"ID": 1}', "<html>", '{"id": ', "\x00"]
)
def test_an_answer_of_another_shape_is_a_failed_call(client: Client, body: str) -> None:
    with serving(sends(200, body)) as server:
        done = client.call(server.url)
    assert done.error.startswith(
        f"POST {server.url}/deploys failed: its answer is not as described"
    )
    assert len(server.requests) == 1
    assert not done.not_run


# Secrets


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_a_token(client: Client, status: int) -> None:
    with serving(OK) as other, serving(sends(status, Location=f"{other.url}/deploys")) as server:
        done = client.call(server.url, twice=True, method="GET")
    assert f" failed: {status}" in done.error
    assert len(server.requests) == 1
    assert other.requests == []


@pytest.mark.parametrize(
    "odd", [f"Bearer {SECRET}\n", f"Bearer {SECRET}\r\nX: y", f"Bearer \u2013{SECRET}"]
)
def test_a_token_that_no_header_may_have_is_not_told(client: Client, odd: str) -> None:
    with serving(OK) as server:
        done = client.call(server.url, token=odd)
    assert done.error
    assert done.not_run
    assert server.requests == []


def test_what_is_in_a_query_is_not_told(client: Client) -> None:
    with serving(sends(400)) as server:
        done = client.call(server.url, path=f"/deploys?key={SECRET}")
    assert done.error == f"POST {server.url}/deploys failed: 400"


# Proxies and certificates


@dataclass
class Tunnel:
    """A proxy, as far as it carries secure connections; it keeps what it was asked."""

    asked: list[str] = field(default_factory=list)

    def __call__(self, at: socket.socket) -> None:
        """Carry bytes between two, until one has enough."""
        port = int(self.asked[-1].split()[1].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as to:
            at.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
            back = threading.Thread(target=self.carry, args=[to, at])
            back.start()
            self.carry(at, to)
            back.join()

    @staticmethod
    def carry(one: socket.socket, other: socket.socket) -> None:
        """Carry bytes in one direction."""
        with contextlib.suppress(OSError):
            while part := one.recv(65536):
                other.sendall(part)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, SSLContext]:
    """A certificate that nobody knows, and a server's side of it."""
    folder = tmp_path_factory.mktemp("authority")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return str(folder / "cert.pem"), context


def test_a_proxy_is_used_and_logged_in_to(client: Client) -> None:
    with serving(OK) as proxy:
        via = {"http_proxy": f"http://ada:{SECRET}@{proxy.host}"}
        assert client.call("http://api.example.com:81/v1", environment=via).value == "d1"
    [request] = proxy.requests
    assert request.startswith("POST http://api.example.com:81/v1/deploys HTTP/1.1\r\n")
    assert "Host: api.example.com:81\r\n" in request
    assert "Proxy-Authorization: Basic YWRhOnMzY3IzdC10MGtlbg==" in request


def test_a_proxy_that_is_down_is_told_without_its_password(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    via = {"http_proxy": f"http://ada:{SECRET}@127.0.0.1:{port}"}
    done = client.call("http://api.example.com", environment=via)
    assert done.not_run


@pytest.mark.parametrize("named", ["127.0.0.1", "*"])
def test_a_proxy_is_left_out_where_no_proxy_says_so(client: Client, named: str) -> None:
    with serving(OK) as server, serving(OK) as proxy:
        via = {"http_proxy": proxy.url, "no_proxy": named}
        assert client.call(server.url, environment=via).value == "d1"
    assert (len(server.requests), len(proxy.requests)) == (1, 0)


def test_a_certificate_is_believed_if_it_is_in_the_bundle(
    client: Client, authority: tuple[str, SSLContext]
) -> None:
    bundle, context = authority
    with serving(OK, secure=context) as server:
        known = client.call(server.url, environment={"SSL_CERT_FILE": bundle})
        assert known.value == "d1"
        unknown = client.call(server.url)
    assert "certificate verify failed" in unknown.error
    assert unknown.not_run
    assert len(server.requests) == 1, "a token only goes to whom is believed"


def test_a_proxy_sees_nothing_of_a_secure_call(
    client: Client, authority: tuple[str, SSLContext]
) -> None:
    bundle, context = authority
    tunnel = Tunnel()
    with serving(OK, secure=context) as server, serving(tunnel) as proxy:
        tunnel.asked = proxy.requests
        via = {"https_proxy": f"http://ada:{SECRET}@{proxy.host}", "SSL_CERT_FILE": bundle}
        done = client.call(server.url, environment=via)
    assert done.value == "d1", done.error
    [asked] = proxy.requests
    assert asked.startswith(f"CONNECT {server.host} HTTP/1.")
    assert "Proxy-Authorization: Basic YWRhOnMzY3IzdC10MGtlbg==" in asked
    assert "\r\nAuthorization" not in asked
    [request] = server.requests
    assert request.startswith("POST /deploys HTTP/1.1\r\n")
    assert "Proxy-Authorization" not in request


def test_a_proxy_that_refuses_is_told_and_nothing_ran(
    client: Client, authority: tuple[str, SSLContext]
) -> None:
    with serving(sends(407)) as proxy:
        via = {"https_proxy": f"http://ada:{SECRET}@{proxy.host}", "SSL_CERT_FILE": authority[0]}
        done = client.call("https://api.example.com", environment=via)
    assert "407" in done.error
    assert done.not_run


def test_an_address_that_is_none_is_told(client: Client) -> None:
    done = client.call("http://127.0.0.1:port")
    assert done.error
    assert done.not_run
