"""How JSON with comments, TOML and YAML are written: a text in, its tree out."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from scaffold.documents.tree import (
    HASH,
    SLASHES,
    Data,
    Item,
    Key,
    Leaf,
    Node,
    Trivia,
    UnclearError,
    data_of,
    frozen,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class _Words(NamedTuple):
    """How JSON and TOML write what is in a value, and how it is understood."""

    trivia: Trivia
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
        node.end, node.data = pos + 1, data_of(node.items, mapping=mapping)
        return node


def _read_json(text: str) -> tuple[Node, Trivia]:
    def leaf(word: str) -> Leaf:
        value = json.loads(word, parse_constant=int)  # int() refuses NaN and Infinity
        return Leaf("str", value) if isinstance(value, str) else Leaf("", word)

    string = r'"(?:[^"\\]|\\.)*"'
    words = _Words(
        trivia=SLASHES,
        name=re.compile(string),
        colon=":",
        atom=re.compile(rf"{string}|[-+.\w]+"),
        key=lambda word: (json.loads(word),),
        leaf=leaf,
    )
    return _Scanner(text, words).value(SLASHES.skip(text, 0)), SLASHES


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


def _read_toml(text: str) -> tuple[Node, Trivia]:
    """Read TOML into one list of tables, each below its whole key, as they are written."""
    words = _Words(
        trivia=HASH,
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
    return root, HASH


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


class YamlLoader(yaml.SafeLoader):
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


def _read_yaml(text: str) -> tuple[Node, Trivia]:
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
        result.data = data_of(result.items, mapping=isinstance(node, yaml.MappingNode))
        return result

    dashes = re.match(r"(?:\s|#[^\n]*)*(?<=\n)---(?=\s)", text)
    return read(YamlLoader(text).get_single_node(), dashes.end() if dashes else 0), HASH


READERS = {".json": _read_json, ".toml": _read_toml, ".yaml": _read_yaml, ".yml": _read_yaml}
