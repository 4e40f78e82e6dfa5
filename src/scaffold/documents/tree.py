"""A document as a tree that holds every character of its text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator


class Leaf(NamedTuple):
    """A scalar, told from others by its type too: Python says that 1, 1.0 and True are equal."""

    kind: str
    value: str


Data: TypeAlias = "Leaf | dict[str, Data] | list[Data]"
#: Where an item is: one key, or several for a table or a dotted key of TOML.
Key: TypeAlias = "tuple[str, ...]"


class UnclearError(ValueError):
    """A text cannot be read, or edited, for sure."""


def frozen(data: Data) -> str:
    """Write data so that the same is written the same."""
    return json.dumps(data, sort_keys=True)


@dataclass(eq=False, slots=True)
class Node:
    """A value. Its text is `head`, the items, `tail`; a scalar is all head.

    Attributes:
        start: Where it starts.
        end: Where it ends; -1 for YAML's and TOML's blocks, which end with their last item.
        data: What it says.
        items: What it holds.
        comma: Whether its items are separated by commas, not by lines.
        head: What comes before the items.
        inline: Whether the first item goes on in the line of the head, without its `lead`.
        last_comma: Whether there is a comma after the last item too.
        tail: What comes after the items.
    """

    start: int
    end: int
    data: Data
    items: list[Item] = field(default_factory=list)
    comma: bool = False
    head: str = ""
    inline: bool = False
    last_comma: bool = False
    tail: str = ""

    def __str__(self) -> str:
        """Give its text."""
        parts = [self.head]
        for item in self.items:
            last = item is self.items[-1]
            lead = "" if self.inline and item is self.items[0] else item.lead
            comma = "," if self.comma and (self.last_comma or not last) else ""
            parts += lead, item.name, item.gap, str(item.node), item.pre, comma, item.post
        return "".join([*parts, self.tail])


@dataclass(eq=False, slots=True)
class Item:
    """A key and its value, a value of a list, or a table of TOML.

    Attributes:
        key: Its key; empty in a list.
        start: Where its name starts.
        stop: Where its name stops.
        node: Its value.
        lead: What comes before it: the line break, comments on lines of their own, indentation.
        name: Its key as it is written, a dash, or nothing.
        gap: What is between name and value.
        pre: What is between the value and the comma after it.
        post: The comment at the end of its line.
        indent: The indentation of lines that go on with it.
    """

    key: Key
    start: int
    stop: int
    node: Node
    lead: str = ""
    name: str = ""
    gap: str = ""
    pre: str = ""
    post: str = ""
    indent: str = ""


class Trivia(NamedTuple):
    """How to match what says nothing: blanks and comments, with or without line breaks."""

    all: re.Pattern[str]
    line: re.Pattern[str]

    @classmethod
    def of(cls, comment: str) -> Trivia:
        """Take what a comment looks like."""
        return cls(
            re.compile(rf"(?:\s|{comment})*"), re.compile(rf"[ \t]*(?:{comment})?[ \t]*(?=\n|\Z)")
        )

    def skip(self, text: str, pos: int) -> int:
        """Skip all that says nothing."""
        match = self.all.match(text, pos)
        return match.end() if match else pos

    def rest(self, text: str, pos: int) -> int:
        """Skip what is left of the line, if that says nothing."""
        match = self.line.match(text, pos)
        return match.end() if match else pos


SLASHES = Trivia.of(r"//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/")
HASH = Trivia.of(r"#[^\n]*")


def split(node: Node, text: str, trivia: Trivia) -> int:
    """Hand out the text of a node to itself and its items, and tell where it ends."""
    if not node.items:
        end = node.end if node.end >= 0 else trivia.rest(text, node.start)
        node.head = text[node.start : end]
        return end
    pos = node.start + node.comma
    for item in node.items:
        item.lead, item.name = text[pos : item.start], text[item.start : item.stop]
        item.gap = text[item.stop : item.node.start]
        line = text[text.rfind("\n", 0, item.start) + 1 : item.start]
        item.indent = line[: -len(line.lstrip()) or None] if node.comma else " " * len(line)
        pos = split(item.node, text, trivia)
        comma = trivia.skip(text, pos)
        node.last_comma = node.comma and text[comma] == ","
        if node.last_comma:
            item.pre, pos = text[pos:comma], comma + 1
        end = trivia.rest(text, pos)
        item.post, pos = text[pos:end], end
    first = node.items[0]
    line, newline, rest = first.lead.partition("\n")
    node.head, node.inline = text[node.start : node.start + node.comma] + line, not newline
    if node.inline:
        # What it needs once another item comes before it.
        lead = " " if node.comma else f"\n{first.indent}"
        first.lead = node.items[1].lead if len(node.items) > 1 else lead
    else:
        # A comment that a blank line parts from the first item is about all of them.
        blank = [match.end() for match in re.finditer(r"\n[ \t]*(?=\n)", newline + rest)]
        cut = blank[-1] if blank else 0
        node.head, first.lead = node.head + (newline + rest)[:cut], (newline + rest)[cut:]
    if node.comma:
        node.tail, pos = text[pos : node.end], node.end
    return pos


def trivia_of(node: Node) -> Iterator[str]:
    """Give all that must be blanks and comments, and nothing else."""
    if node.items:
        yield node.head[node.comma :]
        yield node.tail[: len(node.tail) - node.comma]
    elif match := re.match(r"[|>]\S*[ \t]+(#.*)", node.head):
        yield match[1]  # a block of text in YAML
    for item in node.items:
        yield from (item.lead, re.sub(r"^\s*[:=]", "", item.gap), item.pre, item.post)
        yield from trivia_of(item.node)


def data_of(items: list[Item], *, mapping: bool) -> Data:
    """Say what items say together."""
    if not mapping:
        return [item.node.data for item in items]
    result: dict[str, Data] = {}
    for item in items:
        within: Data = result
        for key in item.key[:-1]:
            within = within.setdefault(key, {}) if isinstance(within, dict) else {}
        if not isinstance(within, dict) or item.key[-1] in within:
            raise UnclearError
        within[item.key[-1]] = item.node.data
    return result
