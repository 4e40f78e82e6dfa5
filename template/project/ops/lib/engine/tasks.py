"""How tasks are called; the one place where errors become words and exit codes.

A task is a module of its name: its USAGE, and the function `task`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

from .errors import Console, Failure, Misuse
from .process import SIGNALS
from .variables import Settings


class Usage(NamedTuple):
    """How a task is called.

    Args:
        least, most: How many arguments are no options.
        wrong: What is said of any other call.
        command: Whether a command follows, after --.
        valued: Options that the argument after them belongs to.
    """

    least: int
    most: int
    wrong: str
    options: tuple[str, ...] = ()
    command: bool = False
    valued: tuple[str, ...] = ()


class Call:
    """A task as it was called: its names, which are no options, values of options, and what it works with."""

    def __init__(self, usage: Usage, arguments: Sequence[str], console: Console) -> None:
        self.settings, self.console = Settings(), console
        end = arguments.index("--") if "--" in arguments else len(arguments)
        arguments, self.command = arguments[:end], list(arguments[end + 1 :])
        self.options: set[str] = set()
        self.values: dict[str, str] = {}
        self.names: list[str] = []
        rest = iter(arguments)
        for each in rest:
            if each in usage.valued:
                self.values[each] = next(rest, "--")
            elif each in usage.options:
                self.options.add(each)
            else:
                self.names.append(each)
        repeated = len(self.names) + len(self.options) + 2 * len(self.values) < len(arguments)
        unknown = any(each.startswith("--") for each in (*self.names, *self.values.values()))
        least, most = usage.least, usage.most
        if repeated or unknown or not least <= len(self.names) <= most or bool(self.command) != usage.command:
            raise Misuse(usage.wrong)


def _stop(number: int, _: object) -> NoReturn:
    # Once is enough: what follows brings it to an end in order.
    for each in SIGNALS:
        signal.signal(each, lambda *_: None)
    raise SystemExit(128 + number)


def main(task: str, arguments: list[str]) -> int:
    """Run a task and give its exit code."""
    console = Console(task)
    # Where they are closed. What is opened gets the number of what is not there.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        module = import_module(f".{task.replace('-', '_')}", __package__)
        module.task(Call(module.USAGE, arguments, console))
        sys.stdout.flush()
    except Failure as error:
        console.confess(error)
        if isinstance(error, Misuse):
            sys.stderr.write(f"Run 'ops/{task} --help' for its usage.\n")
        return error.code
    except SystemExit as stopped:
        return int(stopped.code or 0)
    except BrokenPipeError:
        # Nobody reads on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    return 0
