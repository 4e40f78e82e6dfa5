import signal
import time
from datetime import datetime

import pytest

from tests.integration.server import SLOW_SERVICE, Server, read, receive


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_finished_nothing_new_taken_exit_code_0(stop: int) -> None:
    with Server(SLOW_SERVICE) as server:
        # A connection that sends nothing, an idle one, one halfway through its request.
        silent = server.connect()
        idle = server.connect(get("/_test"))
        receive(idle)
        late = server.connect(get("/readyz")[:-2])
        slow = server.connect(get("/slow/900"))
        server.wait_for("slow request started")

        server.send(stop)
        server.wait_for("shutting down")
        server.send(stop)  # a repeated signal must change nothing

        assert read(silent) == read(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        late.sendall(b"\r\n")
        readyz = read(late)
        assert readyz.startswith(b"HTTP/1.1 503 ")
        assert b"Shutting down" in readyz

        response = read(slow)
        assert response.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in response
        assert response.endswith(b'{"finished":true}')
        assert server.exit() == (0, "")
        assert server.stdout.count("shutting down") == 1


def test_clients_are_let_go_not_ready_connections_close_after_a_reply() -> None:
    with Server(SLOW_SERVICE) as server:
        client = server.connect(get("/_test"))
        receive(client)
        server.send(signal.SIGTERM)
        server.wait_for("shutting down")
        client.sendall(get("/_test"))
        reply = read(client)
        assert reply.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in reply
        assert read(server.connect(get("/readyz"))).startswith(b"HTTP/1.1 503 ")
        assert server.exit() == (0, "")


def test_without_connections_it_takes_effect_at_once() -> None:
    with Server() as server:
        server.send(signal.SIGTERM)
        assert server.exit() == (0, "")
        begun, done = (datetime.fromisoformat(line["time"]) for line in server.lines()[-2:])
        assert (done - begun).total_seconds() < 0.4


def test_a_response_that_has_begun_is_finished_exit_code_0() -> None:
    with Server(SLOW_SERVICE) as server:
        client = server.connect(get("/stream/900"))
        server.wait_for("stream started")
        server.send(signal.SIGTERM)
        assert read(client).endswith(b"8\r\nfinished\r\n0\r\n\r\n")
        assert server.exit() == (0, "")


def test_a_request_that_outlasts_the_grace_period_is_dropped_exit_code_1() -> None:
    with Server(SLOW_SERVICE, SHUTDOWN_GRACE_SECONDS="1") as server:
        client = server.connect(get("/slow/60000"))
        server.wait_for("slow request started")
        begun = time.monotonic()
        server.send(signal.SIGTERM)
        assert server.exit() == (1, "")
        assert time.monotonic() - begun < 5
        assert "grace period ran out" in server.stdout
        assert read(client) == b""
