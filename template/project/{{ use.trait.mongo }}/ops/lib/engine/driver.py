"""What the driver of the service does with a database, in a process of its own: see client.py."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from . import client
from .connection import Connection, Unreachable
from .errors import Failure
from .process import ProgramFailed, ended

#: What client.py exits with when no server was found, which takes it five seconds.
UNREACHABLE = 69


def ask(
    database: Connection,
    what: str,
    *,
    limit: float | None = None,
    keeps: Sequence[int] = (),
    **more: str,
) -> Any:  # noqa: ANN401
    """Have it do something, and give what it says; it is told the address by its environment.

    Past the limit, in seconds, it is stopped by subprocess.TimeoutExpired. It has the open files of `keeps`, too.
    """
    with database.opened() as url:
        done = ended(
            client.PROGRAM, input=json.dumps({"what": what, **more}), timeout=limit, pass_fds=keeps,
            env={**os.environ, "DATABASE_URL": url}, capture_output=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    if done.returncode:
        kind = Unreachable if done.returncode == UNREACHABLE else Failure
        raise kind(database.scrubbed(str(ProgramFailed("the driver", done.returncode, done.stderr))))
    return json.loads(done.stdout)
