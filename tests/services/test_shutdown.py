"""A service that is told to stop finishes what it began, and takes no new work."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .conftest import Start
from .service import Service, problem

pytestmark = pytest.mark.slow

READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def ask(service: Service, path: str) -> httpx.Response:
    """Ask on a connection of its own, while the test goes on."""
    return httpx.get(f"{service.url}{path}", trust_env=False, timeout=20)


def refuses(service: Service) -> bool:
    try:
        service.connect(1).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_completed(run_extended: Start, how: signal.Signals) -> None:
    service = run_extended()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, service, "/slow/2000")
        time.sleep(0.5)
        assert service.stop(how) == 0
        response = asked.result()
    assert response.status_code == 200
    assert response.json() == {"finished": True}
    assert response.headers["connection"] == "close"
    assert service.logged("shutting down")[0]["signal"] == how.name
    assert service.log()[-1]["msg"] == "shut down"
    assert service.errors() == ""


def test_it_is_not_ready_any_more_before_it_stops_listening(run: Start) -> None:
    service = run()
    with service.connect() as open_before:
        open_before.sendall(READY)
        answer = open_before.receive()
        assert answer is not None
        assert answer.status == 200
        service.process.send_signal(signal.SIGTERM)
        service.logged("shutting down")
        time.sleep(0.25)  # half of the drain
        with service.connect() as opened_after:
            for connection in (open_before, opened_after):
                connection.sendall(READY)
                answer = connection.receive()
                assert answer is not None
                assert problem(answer)["detail"] == "Shutting down"
                assert problem(answer)["status"] == 503
                assert answer.headers["connection"] == "close"
    assert service.process.wait(5) == 0
    assert refuses(service)


def test_after_the_drain_it_takes_no_new_connections(run_extended: Start) -> None:
    service = run_extended()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, service, "/slow/3000")
        time.sleep(0.5)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(1.2)
        assert refuses(service)
        assert service.process.poll() is None
        assert asked.result().status_code == 200
    assert service.process.wait(5) == 0


def test_a_second_signal_changes_nothing(run_extended: Start) -> None:
    service = run_extended()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, service, "/slow/2000")
        time.sleep(0.5)
        for how in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            service.process.send_signal(how)
            time.sleep(0.1)
        assert asked.result().json() == {"finished": True}
    assert service.process.wait(5) == 0
    assert len(service.logged("shutting down")) == 1


def test_idle_connections_do_not_hold_it_up(run: Start) -> None:
    service = run()
    silent = [service.connect() for _ in range(3)]
    service.client.get("/notes")  # the client keeps its connection
    time.sleep(0.2)
    begin = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begin < 3
    for connection in silent:
        connection.close()


def test_without_connections_it_stops_at_once(run: Start) -> None:
    service = run()
    time.sleep(0.3)  # the connection that found out whether it listens is gone
    begin = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begin < 1


def test_a_request_that_outlasts_the_grace_period_is_cut_off(run_extended: Start) -> None:
    service = run_extended(SHUTDOWN_GRACE_SECONDS="1")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, service, "/slow/15000")
        time.sleep(0.5)
        begin = time.monotonic()
        assert service.stop() == 1
        assert 0.9 < time.monotonic() - begin < 3
        with pytest.raises(httpx.HTTPError):
            asked.result()
    last = service.log()[-1]
    assert (last["level"], last["msg"]) == ("error", "grace period ran out, forcing exit")


def test_a_request_that_never_ends_does_not_outlast_it_either(run: Start) -> None:
    service = run(SHUTDOWN_GRACE_SECONDS="2")
    with service.connect() as connection:
        connection.sendall(
            b"POST /notes HTTP/1.1\r\nHost: a\r\n"
            b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n"
        )
        time.sleep(0.3)
        begin = time.monotonic()
        assert service.stop() in {0, 1}
        assert time.monotonic() - begin < 4
