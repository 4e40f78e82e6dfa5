"""A service that is configured wrongly says all that is wrong, and does not start."""

from __future__ import annotations

import os
import re
import socket
import subprocess

import pytest
from ports import free_port

from .conftest import Start
from .service import Project

pytestmark = pytest.mark.slow

EX_CONFIG = 78


def refused(project: Project, **env: str) -> list[str]:
    """Start a service that must not start; give the lines of its standard error."""
    done = subprocess.run(
        project.command,
        cwd=project.folder,
        env={"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(free_port()), **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == EX_CONFIG, done.stdout + done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_every_problem_is_listed_on_a_line_of_its_own(project: Project) -> None:
    wrong = {
        "APP_ENV": "moon",
        "CORS_ORIGINS": "https://app.example.com/path",
        "LOG_LEVEL": "loud",
        "MAX_BODY_BYTES": "0",
        "MAX_BUFFERED_BYTES": "64MiB",
        "MAX_CONNECTIONS": "many",
        "PORT": "http",
        "RATE_LIMIT_PER_MINUTE": "1e3",
        "REQUEST_TIMEOUT_SECONDS": "301",
        "SHUTDOWN_GRACE_SECONDS": "-1",
    }
    lines = refused(project, **wrong)
    assert len(lines) == len(wrong), lines
    for name, value in wrong.items():
        assert any(
            re.fullmatch(rf'{name}: .+, got "{re.escape(value)}"', line) for line in lines
        ), (name, lines)


#: For each variable values that are none; a service is started with the first of each, and so on.
OUT_OF_BOUNDS = {
    "APP_ENV": ["LIVE", "live ", "production"],
    "CORS_ORIGINS": [
        "*",
        "null",
        "app.example.com",
        "https://*.example.com",
        "https://app.example.com/",
        "ftp://app.example.com",
        "https://user@app.example.com",
        "https://app.example.com,https://b.example.com?x",
    ],
    "LOG_LEVEL": ["INFO", "warning", "30"],
    "MAX_BODY_BYTES": ["0", "1073741825", "1e6", "1_000"],
    "MAX_BUFFERED_BYTES": ["0", "4294967297"],
    "MAX_CONNECTIONS": ["0", "1000001"],
    "PORT": ["0", "65536", "+80", "8_0", "٣٠٠٠", "3000.0", " 3000", "99999999999999999999"],
    "RATE_LIMIT_PER_MINUTE": ["-1", "1000001"],
    "REQUEST_TIMEOUT_SECONDS": ["0", "301", "0.5"],
    "SHUTDOWN_GRACE_SECONDS": ["-1", "301"],
}


@pytest.mark.parametrize("row", range(8))
def test_a_value_out_of_its_bounds_is_a_problem(project: Project, row: int) -> None:
    wrong = {name: values[row] for name, values in OUT_OF_BOUNDS.items() if row < len(values)}
    lines = refused(project, **wrong)
    assert sorted(line.split(":")[0] for line in lines) == sorted(wrong), lines


@pytest.mark.parametrize(
    "env",
    [
        {
            "CLIENT_IP_HEADER": "Fly-Client-IP",
            "CORS_ORIGINS": "https://app.example.com:8443,http://[::1]:5173",
            "GIT_COMMIT": "any text at all",
            "LOG_LEVEL": "trace",
            "MAX_BODY_BYTES": "1073741824",
            "MAX_BUFFERED_BYTES": "4294967296",
            "MAX_CONNECTIONS": "1000000",
            "RATE_LIMIT_PER_MINUTE": "1000000",
            "REQUEST_TIMEOUT_SECONDS": "300",
            "SHUTDOWN_GRACE_SECONDS": "300",
        },
        {
            "CORS_ORIGINS": " http://localhost , https://127.0.0.1:1 ",
            "LOG_LEVEL": "fatal",
            "MAX_BODY_BYTES": "1",
            "MAX_BUFFERED_BYTES": "1",
            "MAX_CONNECTIONS": "1",
            "RATE_LIMIT_PER_MINUTE": "0",
            "REQUEST_TIMEOUT_SECONDS": "1",
            "SHUTDOWN_GRACE_SECONDS": "0",
        },
    ],
)
def test_values_at_their_bounds_are_none(run: Start, env: dict[str, str]) -> None:
    assert run(**env).client.get("/healthz").status_code == 200


def test_an_empty_variable_counts_as_unset(run: Start) -> None:
    names = (
        "APP_ENV", "CLIENT_IP_HEADER", "CORS_ORIGINS", "GIT_COMMIT", "LOG_LEVEL", "MAX_BODY_BYTES",
        "MAX_BUFFERED_BYTES", "MAX_CONNECTIONS", "RATE_LIMIT_PER_MINUTE",
        "REQUEST_TIMEOUT_SECONDS", "SHUTDOWN_GRACE_SECONDS",
    )  # fmt: skip
    version = run(**dict.fromkeys(names, "")).client.get("/version").json()
    assert (version["environment"], version["commit"]) == ("local", "unknown")


def test_a_port_that_is_taken_is_a_failure_in_the_log(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            project.command,
            cwd=project.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOST": "127.0.0.1",
                "PORT": str(taken.getsockname()[1]),
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1, done.stdout + done.stderr
    assert '"msg":"could not start"' in done.stdout
    assert done.stderr == ""
