"""Documents of JSON with or without comments, TOML and YAML, as trees that hold every character.

So whatever is not edited stays as somebody wrote it. Reading may be as narrow as it likes: what it
does not understand for sure is an error, and never a guess.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import PurePosixPath


class Leaf(NamedTuple):
    """A scalar, told from others by its type too: Python says that 1, 1.0 and True are equal."""

    kind: str
    value: str


Data: TypeAlias = "Leaf | dict[str, Data] | list[Data]"
#: Where an item is: one key, or several for a table or a dotted key of TOML.
Key: TypeAlias = "tuple[str, ...]"


class UnclearError(ValueError):
    """A text cannot be read, or edited, for sure."""


#: What reading and editing may raise. The text is anybody's, and may nest without end.
FAILURES = (ValueError, LookupError, RecursionError, yaml.YAMLError)


def valid(path: PurePosixPath, content: bytes) -> bool | None:
    """Tell whether a manifest can be read and has no key twice; None for an unknown format."""
    suffix = path.suffix
    if suffix not in _READERS:
        return None
    try:
        text = content.decode()
        if suffix in (".yaml", ".yml"):
            loader = _Loader(text)
            while loader.check_node():
                loader.get_node()
        else:
            _READERS[suffix](text)
        if path.name in _STRICT:
            json.loads(text)
    except FAILURES:
        return False
    return True


#: JSON that those who read it take without comments, as far as we know them.
_STRICT = frozenset({"composer.json", "package.json"})


def frozen(data: Data) -> str:
    """Write data so that the same is written the same."""
    return json.dumps(data, sort_keys=True)


# The tree that holds every character of a file.


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


class _Trivia(NamedTuple):
    """How to match what says nothing: blanks and comments, with or without line breaks."""

    all: re.Pattern[str]
    line: re.Pattern[str]

    @classmethod
    def of(cls, comment: str) -> _Trivia:
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


_SLASHES = _Trivia.of(r"//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/")
_HASH = _Trivia.of(r"#[^\n]*")


def _split(node: Node, text: str, trivia: _Trivia) -> int:
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
        pos = _split(item.node, text, trivia)
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


def _trivia_of(node: Node) -> Iterator[str]:
    """Give all that must be blanks and comments, and nothing else."""
    if node.items:
        yield node.head[node.comma :]
        yield node.tail[: len(node.tail) - node.comma]
    elif match := re.match(r"[|>]\S*[ \t]+(#.*)", node.head):
        yield match[1]  # a block of text in YAML
    for item in node.items:
        yield from (item.lead, re.sub(r"^\s*[:=]", "", item.gap), item.pre, item.post)
        yield from _trivia_of(item.node)


def _data(items: list[Item], *, mapping: bool) -> Data:
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
        self.root, trivia = _READERS[path.suffix](self.text)
        end = _split(self.root, self.text, trivia)
        before, after = self.text[: self.root.start], self.text[end:]
        between = [before.removesuffix("---"), *_trivia_of(self.root), after]
        self.root.head, self.root.tail = before + self.root.head, self.root.tail + after
        if str(self.root) != self.text or not all(map(trivia.all.fullmatch, between)):
            raise UnclearError
        lines = (line.strip() for piece in between for line in piece.split("\n"))
        self.comments = Counter(filter(None, lines))
        indents = re.findall(r"^[ \t]+(?=\S)", self.text, re.MULTILINE)
        self.unit = min(indents, key=len, default="")


class _Words(NamedTuple):
    """How JSON and TOML write what is in a value, and how it is understood."""

    trivia: _Trivia
    name: re.Pattern[str]
    colon: str
    atom: re.Pattern[str]
    key: Callable[[str], Key]
    leaf: Callable[[str], Data]


class _Scanner:
    """Reads the values of JSON and TOML, which differ in their words alone."""

    def __init__(self, text: str, words: _Words) -> None:
        self.text, self.words, self.skip = text, words, partial(words.trivia.skip, text)

    def pair(self, pos: int) -> Item:
        """Read a key and its value."""
        name = self.words.name.match(self.text, pos)
        colon = self.skip(name.end()) if name else pos
        if name is None or self.text[colon] != self.words.colon:
            raise UnclearError
        value = self.value(self.skip(colon + 1))
        return Item(self.words.key(name.group()), pos, name.end(), value)

    def value(self, pos: int) -> Node:
        """Read a value."""
        if self.text[pos] not in "[{":
            if not (atom := self.words.atom.match(self.text, pos)):
                raise UnclearError
            return Node(pos, atom.end(), self.words.leaf(atom.group()))
        node, mapping = Node(pos, pos, [], comma=True), self.text[pos] == "{"
        pos = self.skip(pos + 1)
        while self.text[pos] != "]}"[mapping]:
            item = self.pair(pos) if mapping else Item((), pos, pos, self.value(pos))
            node.items.append(item)
            pos = self.skip(item.node.end)
            if self.text[pos] == ",":
                pos = self.skip(pos + 1)
            elif self.text[pos] not in "]}":
                raise UnclearError
        node.end, node.data = pos + 1, _data(node.items, mapping=mapping)
        return node


def _read_json(text: str) -> tuple[Node, _Trivia]:
    def leaf(word: str) -> Leaf:
        value = json.loads(word, parse_constant=int)  # int() refuses NaN and Infinity
        return Leaf("str", value) if isinstance(value, str) else Leaf("", word)

    string = r'"(?:[^"\\]|\\.)*"'
    words = _Words(
        trivia=_SLASHES,
        name=re.compile(string),
        colon=":",
        atom=re.compile(rf"{string}|[-+.\w]+"),
        key=lambda word: (json.loads(word),),
        leaf=leaf,
    )
    return _Scanner(text, words).value(_SLASHES.skip(text, 0)), _SLASHES


_TOML_STRING = r"""'[^'\n]*'|"(?:[^"\\\n]|\\.)*\""""
_TOML_PART = rf"(?:{_TOML_STRING}|[\w-]+)"
_TOML_NAME = rf"{_TOML_PART}(?:[ \t]*\.[ \t]*{_TOML_PART})*"
_TOML_LINES = r"""'''[\s\S]*?'{3,5}|\"""(?:[^\\]|\\[\s\S])*?"{3,5}"""
_TOML_BARE = r"""[^\s,\[\]{}#"']+(?:[ ]\d\d:[\d:.Zz+-]+)?"""
_TOML_HEADER = re.compile(rf"(\[\[?)[ \t]*({_TOML_NAME})[ \t]*\]\]?")


def _toml_data(value: Any) -> Data:
    if isinstance(value, dict):
        return {key: _toml_data(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_toml_data(item) for item in value]
    return Leaf(type(value).__name__, str(value))


def _toml_key(word: str) -> Key:
    within, keys = tomllib.loads(f"{word} = 0"), []
    while isinstance(within, dict):
        [(key, within)] = within.items()
        keys.append(key)
    return tuple(keys)


def _read_toml(text: str) -> tuple[Node, _Trivia]:
    """Read TOML into one list of tables, each below its whole key, as they are written."""
    words = _Words(
        trivia=_HASH,
        name=re.compile(_TOML_NAME),
        colon="=",
        atom=re.compile(f"{_TOML_LINES}|{_TOML_STRING}|{_TOML_BARE}"),
        key=_toml_key,
        leaf=lambda word: _toml_data(tomllib.loads(f"x = {word}")["x"]),
    )
    scanner = _Scanner(text, words)
    root = table = Node(0, -1, _toml_data(tomllib.loads(text)))
    counts: Counter[Key] = Counter()
    pos = scanner.skip(0)
    while pos < len(text):
        if match := _TOML_HEADER.match(text, pos):
            path, end = _toml_key(match[2]), match.end()
            if match[1] == "[[":
                inner = [key for key in counts if key[: len(path)] == path != key]
                counts = counts - Counter({key: counts[key] for key in inner}) + Counter([path])
            key, data = _toml_place(root.data, path, counts)
            table = Node(end, -1, data)
            root.items.append(Item(key, pos, end, table))
        else:
            table.items.append(scanner.pair(pos))
            end = table.items[-1].node.end
        pos = scanner.skip(end)
    return root, _HASH


def _toml_place(data: Data, path: Key, counts: Counter[Key]) -> tuple[Key, Data]:
    """Give the key of a table and its data.

    A table of an array is known by what it says, as its number may change.
    """
    key: Key = ()
    for at, part in enumerate(path, 1):
        if not isinstance(data, dict):
            raise UnclearError
        data, key = data[part], (*key, part)
        if isinstance(data, list):
            data = data[counts[path[:at]] - 1]
            key = (*key, frozen(data))
    return key, data


class _Loader(yaml.SafeLoader):
    """Reads YAML up to its nodes, none of which has a key twice.

    What has an anchor, a tag or a merge key, or is an alias, becomes a scalar that is its own
    text: it can be kept as it is, and nothing can be merged into it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        keys = [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        if len({(key.tag, repr(key.value)) for key in keys}) < len(keys):
            raise UnclearError
        start, end = event.start_mark, event.end_mark
        if not isinstance(event, yaml.AliasEvent):
            if not (event.anchor or event.tag or any(key.value == "<<" for key in keys)):
                return node
            end = yaml.Mark("", _yaml_end(node, self.text), 0, 0, None, 0)
        return yaml.ScalarNode(OPAQUE, self.text[start.index : end.index], start, end)


OPAQUE = "opaque"


def _yaml_end(node: Any, text: str) -> int:
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _yaml_end(last[1] if isinstance(node, yaml.MappingNode) else last, text)
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    # A block of text takes the blank lines after it.
    block = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
    return start + len(text[start:end].rstrip(" \n")) if block else end


def _read_yaml(text: str) -> tuple[Node, _Trivia]:
    colon = re.compile(r"\s*:")

    def read(node: Any, start: int) -> Node:
        if node is None:
            raise UnclearError  # there is nothing but comments
        if isinstance(node, yaml.ScalarNode):
            return Node(node.start_mark.index, _yaml_end(node, text), Leaf(node.tag, node.value))
        result = Node(start, -1, [], comma=bool(node.flow_style))
        if node.flow_style:
            result.start, result.end = node.start_mark.index, node.end_mark.index
            if text[result.start] not in "[{":
                raise UnclearError
        end = result.start
        for entry in node.value:
            if isinstance(node, yaml.MappingNode):
                name, value = entry
                start, stop = name.start_mark.index, name.end_mark.index
                match = colon.match(text, stop)
                if not (match and isinstance(name, yaml.ScalarNode)):
                    raise UnclearError
                item = Item((name.value,), start, stop, read(value, match.end()))
            elif result.comma:
                value, start = entry, entry.start_mark.index
                item = Item((), start, start, read(value, start))
            else:
                value, start = entry, text.rindex("-", end, entry.start_mark.index)
                item = Item((), start, start + 1, read(value, start + 1))
            end = _yaml_end(value, text)
            result.items.append(item)
        result.data = _data(result.items, mapping=isinstance(node, yaml.MappingNode))
        return result

    dashes = re.match(r"(?:\s|#[^\n]*)*(?<=\n)---(?=\s)", text)
    return read(_Loader(text).get_single_node(), dashes.end() if dashes else 0), _HASH


_READERS = {".json": _read_json, ".toml": _read_toml, ".yaml": _read_yaml, ".yml": _read_yaml}
