"""Makes calls with the engine's client, in whatever Python runs this: see test_client.py.

It reads a line of JSON for each call, and writes one: what came of it, or why nothing did, and for
how long the client paused. It never sleeps.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any


class Clock:
    """The time, with pauses that are over at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __getattr__(self, name: str) -> Any:
        """Give what is as everywhere."""
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        """Note a pause."""
        self.slept.append(seconds)

    def monotonic(self) -> float:
        """Give the time that passed."""
        return time.monotonic() + sum(self.slept)


def main(folder: str) -> None:
    """Answer until there is no more."""
    sys.path.insert(0, folder)
    http: Any = importlib.import_module("engine.http")
    calls: Any = importlib.import_module("engine.api")
    settings = importlib.import_module("engine.variables")
    for line in sys.stdin:
        told = json.loads(line)
        http.time = calls.time = clock = Clock()
        http._trust.cache_clear()  # noqa: SLF001 (each stands for a process of its own)
        os.environ.clear()
        os.environ.update(told["environment"])
        began = time.monotonic()
        done: dict[str, Any] = {"value": None, "error": "", "trace": ""}
        try:
            api = calls.Api(
                told["url"], {"Authorization": told["token"]}, settings.Settings(told["settings"])
            )
            done["value"] = api.call(
                told["method"], told["path"], lambda it: None if it is None else it["id"],
                told["body"], twice=told["twice"],
            )  # fmt: skip
        except calls.CallFailed as error:
            done.update(error=str(error), denied=error.denied, not_run=error.certainly_not_run)
            done["trace"] = traceback.format_exc()
        except Exception as error:  # noqa: BLE001 (no test may end it)
            done.update(error="!" + repr(error), trace=traceback.format_exc())
        done.update(slept=clock.slept, took=time.monotonic() - began)
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
