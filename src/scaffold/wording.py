"""Turns of phrase that messages share."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Say which known word was probably meant: a sentence with a trailing space, or nothing."""
    import difflib  # noqa: PLC0415  # only for what goes wrong

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"Did you mean '{close[0]}'? " if close else ""


def printable(text: str) -> str:
    """Replace what a terminal would act on instead of showing it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shown(value: object, limit: int = 60) -> str:
    """Quote what somebody typed: on one line, without control characters, at most `limit` long."""
    return f"'{brief(value, limit)}'"


def brief(value: object, limit: int = 40) -> str:
    """Give any value on one line, without control characters, at most `limit` long."""
    text = printable(str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def count(number: int, noun: str) -> str:
    """Count things: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def slug(text: str) -> str:
    """Turn any text into lower-case words joined by single hyphens, at most 50 characters.

    The result is empty when no letter of the text has an ASCII form.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).lstrip("-0123456789")[:50].strip("-")
