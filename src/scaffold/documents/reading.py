"""Documents of JSON with or without comments, TOML and YAML, as trees that hold every character.

So whatever is not edited stays as somebody wrote it. Reading may be as narrow as it likes: what it
does not understand for sure is an error, and never a guess.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import yaml

from scaffold.documents.notations import READERS, YamlLoader
from scaffold.documents.tree import UnclearError, split, trivia_of

if TYPE_CHECKING:
    from pathlib import PurePosixPath


#: What reading and editing may raise. The text is anybody's, and may nest without end.
FAILURES = (ValueError, LookupError, RecursionError, yaml.YAMLError)


def valid(path: PurePosixPath, content: bytes) -> bool | None:
    """Tell whether a manifest can be read and has no key twice; None for an unknown format."""
    suffix = path.suffix
    if suffix not in READERS:
        return None
    try:
        text = content.decode()
        if suffix in (".yaml", ".yml"):
            loader = YamlLoader(text)
            while loader.check_node():
                loader.get_node()
        else:
            READERS[suffix](text)
        if path.name in _STRICT:
            json.loads(text)
    except FAILURES:
        return False
    return True


#: JSON that those who read it take without comments, as far as we know them.
_STRICT = frozenset({"composer.json", "package.json"})


class Document:
    """A document as it was read.

    Attributes:
        root: Its tree.
        comments: Its comments.
    """

    def __init__(self, path: PurePosixPath, content: bytes) -> None:
        # A line break before it makes its first line like any other.
        self.text = "\n" + content.decode().replace("\r\n", "\n")
        mixed = content.count(b"\r") not in (0, content.count(b"\n"))
        if mixed or "\r" in self.text or "\ufeff" in self.text:
            raise UnclearError
        if path.name in _STRICT:
            json.loads(self.text)
        self.root, trivia = READERS[path.suffix](self.text)
        end = split(self.root, self.text, trivia)
        before, after = self.text[: self.root.start], self.text[end:]
        between = [before.removesuffix("---"), *trivia_of(self.root), after]
        self.root.head, self.root.tail = before + self.root.head, self.root.tail + after
        if str(self.root) != self.text or not all(map(trivia.all.fullmatch, between)):
            raise UnclearError
        lines = (line.strip() for piece in between for line in piece.split("\n"))
        self.comments = Counter(filter(None, lines))
        indents = re.findall(r"^[ \t]+(?=\S)", self.text, re.MULTILINE)
        self.unit = min(indents, key=len, default="")
