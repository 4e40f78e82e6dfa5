"""AWS as far as moto knows it, on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """Have it answer until the end of the block; give its address. Its log goes into a folder."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("moto_server")), "--port", str(port)]
    environment = {**os.environ, "MOTO_ECS_SERVICE_RUNNING": "2"}
    with (
        (folder / "moto.log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
