"""A secret, as `fly secrets import` reads it from its standard input.

Versions of the command differ in what they take for a comment and for quotes. What is written here they all read alike.
"""

from __future__ import annotations

from .errors import NothingChanged

#: A line of so many bytes ends its reading there, without a word.
TOO_LONG = 64 * 1024


def _comments(line: str) -> bool:
    """Say whether a # begins a comment: it does after an even number of quotes."""
    before, mark, _ = line.partition("#")
    return bool(mark) and before.count('"') % 2 == 0


def entry(name: str, value: str) -> str:
    """Write a secret. Raises NothingChanged if it would not be read as it is."""
    head, *rest = value.split("\n")
    quotes, well = "", True
    if rest:
        quotes, well = '"""', not any(each.endswith(("\r", '"""')) for each in (head, *rest[:-1]))
    elif value.startswith((" ", '"', "'")) or value.endswith("\r") or _comments(value):
        quotes, well = '"', value != '"' and not value.startswith('""')
    text = f"{name}={quotes}{value}{quotes}\n"
    longest = max(map(len, text.encode().split(b"\n")))
    if not well or _comments(quotes + head) or longest >= TOO_LONG:
        why = "for the quotes and # in it, or a line of 64 KB"
        raise NothingChanged(f"fly secrets import would not read {name} as it is, {why}; encode it, say in base64")
    return text
