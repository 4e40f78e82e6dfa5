"""What a person sees. Results go to standard output, everything else to standard error."""

from __future__ import annotations

import io
import os
import sys
from contextlib import AbstractContextManager, nullcontext

from scaffold.wording import printable


def interactive() -> bool:
    """Tell whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def prepare() -> None:
    """Make the streams take whatever there is to say, wherever they lead."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """Print a line of the result."""
    sys.stdout.write(f"{text}\n")


def note(message: str, hint: str = "") -> None:
    """Print what happened, and below it what to do next."""
    sys.stderr.write(message + "\n" + (f"  {hint}\n" if hint else ""))


def complain(message: str, hint: str = "") -> None:
    """Print an error: a line on what happened, a line on what to do, whatever they contain."""
    lines = [f"Error: {_one_line(message)}", *([f"  {_one_line(hint)}"] if hint else [])]
    sys.stderr.write("\n".join(lines) + "\n")


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def progress(what: str) -> AbstractContextManager[object]:
    """Show that something takes its time, where there is a terminal to show it on."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # noqa: PLC0415  # slow to import, rarely needed

    return Console(stderr=True).status(what)
