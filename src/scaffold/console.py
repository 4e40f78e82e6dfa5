"""What a person sees. Results go to standard output, everything else to standard error."""

from __future__ import annotations

import io
import os
import re
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


def colorful() -> bool:
    """Tell whether results go where colours can be seen (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def say(text: str = "") -> None:
    """Print a line of the result."""
    sys.stdout.write(f"{text}\n")


def show(content: bytes) -> None:
    """Print what git shows, byte for byte; for a terminal without what it would act on."""
    sys.stdout.flush()
    if sys.stdout.isatty() or not hasattr(sys.stdout, "buffer"):
        sys.stdout.write(_ACTS.sub("\N{REPLACEMENT CHARACTER}", content.decode("utf-8", "replace")))
    else:
        sys.stdout.buffer.write(content)


#: Control characters, but for line ends, tabs and the colours of git.
_ACTS = re.compile(
    r"\x1b(?!\[[\d;]*[mK])|\r(?![\n\x1b])|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)


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


def fetching(source: str | None) -> AbstractContextManager[object]:
    """Show that a template is fetched, if it is not the embedded one."""
    return progress("Fetching the template …") if source else nullcontext()
