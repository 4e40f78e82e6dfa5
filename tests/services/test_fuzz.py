"""A service answers what its own description says, whatever is generated from it."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Start

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
)


def test_no_generated_request_finds_a_difference(run: Start, tmp_path: Path) -> None:
    service = run(APP_ENV="sandbox", RATE_LIMIT_PER_MINUTE="0")
    begin = time.monotonic()
    done = subprocess.run(
        [
            "st", "run", f"{service.url}/openapi.json",
            "--checks", ",".join(CHECKS),
            "--phases", "examples,coverage,fuzzing,stateful",
            "--max-examples", "100", "--generation-deterministic",
            "--request-timeout", "5", "--no-color",
        ],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Tested: 8$", done.stdout, re.MULTILINE), done.stdout
    assert time.monotonic() - begin < 90
    assert service.process.poll() is None
    assert service.client.get("/healthz").status_code == 200
    assert service.errors() == ""
    assert not [line for line in service.log() if line["level"] in {"error", "fatal"}]
