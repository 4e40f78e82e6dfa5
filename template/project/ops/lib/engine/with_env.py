"""Run a command with the settings of an environment, and with no other's."""

from __future__ import annotations

import os

from . import reading, store
from .errors import Failure, Missing
from .pipeline import SETTINGS
from .platform import ENVIRONMENTS, Context
from .schema import documented
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment and, after --, a command", command=True)


def task(call: Call) -> None:
    """Become it."""
    at = Context(call, ("local", *ENVIRONMENTS))
    reading.check(at)
    at.settings.met(SETTINGS)
    found = reading.read(at)
    if found is None:
        raise Failure(f"this machine does not have the settings of {at.env}: there is no {store.where(at, at.env)}")
    # Of what this shell has, nothing is mixed in that the service would read, and nothing that opens the store.
    without = {*documented(at.env), reading.KEY, "SETTINGS_FILE", *store.OPENS}
    ours = {name: value for name, value in os.environ.items() if name not in without}
    for name, value in found.values.items():
        if "\0" in value:
            raise Failure(f"{name} of {at.env} has a NUL, which no variable can have")
    try:
        os.execvpe(call.command[0], call.command, {**ours, **found.values, "APP_ENV": at.env})  # noqa: S606 (a command of theirs)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        raise Missing(f"{call.command[0]}: {error.strerror}", code) from None
