"""Merging manifests key by key: JSON with or without comments, TOML and YAML.

What the result must say is worked out on plain data. The user's text is then edited to say it:
a file is read as a tree of nodes that together hold every character of it, so whatever isn't
edited stays as it was, and what is new is taken from the template's text, comments and all.
The result is read again, and given only if it says exactly what it must. So reading may be as
narrow, and editing as simple, as it likes: where they fall short there is no merge.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import PurePosixPath


class _Leaf(NamedTuple):
    """A scalar, told from others by its type too: Python says that 1, 1.0 and True are equal."""

    kind: str
    value: str


_Data: TypeAlias = "_Leaf | dict[str, _Data] | list[_Data]"
#: Where an item is: one key, or several for a table or a dotted key of TOML.
_Key: TypeAlias = "tuple[str, ...]"


class _NoMergeError(ValueError):
    """There is no merge that is surely right."""


#: What reading and editing may raise. The text is anybody's, and may nest without end.
_FAILURES = (ValueError, LookupError, RecursionError, yaml.YAMLError)


def merge(path: PurePosixPath, base: bytes | None, ours: bytes, theirs: bytes) -> bytes | None:
    """Merge a manifest that the project and the template both changed, key by key.

    Args:
        path: The manifest; its name tells its format.
        base: The version that both come from, or None if each has added it.
        ours: The project's version, whose text is edited.
        theirs: The template's new version.

    Returns:
        The merged text. None if there is no merge that is surely right: the format isn't known,
        something cannot be read, the two disagree, or the text cannot be edited.
    """

    def wanted(ours: _Data, theirs: _Data) -> _Data:
        old = {} if base is None else _File(path, base).root.data
        result = _merged(old, ours, theirs)
        return ours if result is None else result  # but it isn't: all three are there

    return _rewritten(path, base, ours, theirs, wanted)


def add_missing(
    path: PurePosixPath, ours: bytes, theirs: bytes, leave: Collection[tuple[str, ...]] = ()
) -> bytes | None:
    """Give a manifest the keys that only the template's has, and change nothing it has.

    Args:
        path: The manifest; its name tells its format.
        ours: The project's version, whose text is edited.
        theirs: The template's version.
        leave: The paths of keys that are not added, nor is anything below them.

    Returns:
        The text, which is `ours` itself if nothing is missing. None as for `merge`.
    """
    return _rewritten(path, None, ours, theirs, lambda mine, new: _filled(mine, new, leave))


def without(path: PurePosixPath, content: bytes, keys: Collection[str]) -> bytes | None:
    """Leave some of a manifest's top-level keys out.

    Args:
        path: The manifest; its name tells its format.
        content: Its text.
        keys: The keys.

    Returns:
        The text without them. None as for `merge`.
    """

    def wanted(data: _Data, _: _Data) -> _Data:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if key not in keys}

    return _rewritten(path, None, content, content, wanted)


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
    except _FAILURES:
        return False
    return True


#: JSON that those who read it take without comments, as far as we know them.
_STRICT = frozenset({"composer.json", "package.json"})


# What the result must say.


def _merged(base: _Data | None, ours: _Data | None, theirs: _Data | None) -> _Data | None:
    """Merge three values, of which None is one that isn't there."""
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    if ours is None or theirs is None:
        # Whoever deleted it, the user decides: what they deleted stays so, what they changed stays.
        return ours
    if isinstance(ours, dict) and isinstance(theirs, dict) and isinstance(base, dict | None):
        base = base or {}
        values = {
            key: _merged(base.get(key), ours.get(key), theirs.get(key)) for key in ours | theirs
        }
        return {key: value for key, value in values.items() if value is not None}
    if isinstance(base, list) and isinstance(ours, list) and isinstance(theirs, list):
        sets = all(map(_is_set, (base, ours, theirs)))
        return (_merged_set if sets else _merged_list)(base, ours, theirs)
    raise _NoMergeError


def _is_set(values: list[_Data]) -> bool:
    leaves = [value for value in values if isinstance(value, _Leaf)]
    return len({*leaves}) == len(values)


def _merged_set(base: list[_Data], ours: list[_Data], theirs: list[_Data]) -> list[_Data]:
    added = [value for value in theirs if value not in base and value not in ours]
    if added and any(value not in ours and value not in theirs for value in base):
        raise _NoMergeError  # what both deleted may be what the template has replaced
    pairs = ((base[i], theirs[j]) for i, j in _pairs(base, theirs).items())
    instead = {old: new for old, new in pairs if old not in theirs and new in added}
    result = [instead.get(value, value) for value in ours]
    result = [value for value in result if value in theirs or value not in base]
    for value in [value for value in added if value not in result]:
        before = [result.index(v) for v in theirs[: theirs.index(value)] if v in result]
        result.insert(before[-1] + 1 if before else len(result), value)
    return result


def _merged_list(base: list[_Data], ours: list[_Data], theirs: list[_Data]) -> list[_Data]:
    """Merge as diff3 does. An item that was changed in its place is the same item."""
    mine, new = _pairs(base, ours), _pairs(base, theirs)
    common = [(-1, -1, -1), *((i, mine[i], new[i]) for i in mine if i in new)]
    result: list[_Data] = []
    for (b, o, t), (b2, o2, t2) in pairwise([*common, (len(base), len(ours), len(theirs))]):
        hunk = base[b + 1 : b2], ours[o + 1 : o2], theirs[t + 1 : t2]
        if hunk[2] not in hunk[:2] and hunk[0] != hunk[1]:
            raise _NoMergeError
        result += hunk[1] if hunk[2] in hunk[:2] else hunk[2]
        if b2 < len(base):
            versions = base[b2], ours[o2], theirs[t2]
            if base[b2] not in versions[1:] and not all(_alike(base[b2], v) for v in versions):
                raise _NoMergeError
            item = _merged(*versions)
            if item is not None:
                result.append(item)
    return result


def _alike(one: _Data, other: _Data) -> bool:
    """Tell whether two items have something in common, so that one may be the other, changed."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return False
    return any(other.get(key) == value for key, value in one.items())


def _hunks(one: list[_Data], other: list[_Data]) -> Sequence[tuple[str, int, int, int, int]]:
    old, new = [*map(_frozen, one)], [*map(_frozen, other)]
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _pairs(one: list[_Data], other: list[_Data]) -> dict[int, int]:
    return {
        i: j
        for _, i1, i2, j1, j2 in _hunks(one, other)
        if i2 - i1 == j2 - j1
        for i, j in zip(range(i1, i2), range(j1, j2), strict=True)
    }


def _frozen(data: _Data) -> str:
    return json.dumps(data, sort_keys=True)


def _filled(ours: _Data, theirs: _Data, leave: Collection[_Key], at: _Key = ()) -> _Data:
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return ours
    result = dict(ours)
    for key, value in theirs.items():
        here = (*at, key)
        if here in leave:
            continue
        if key in ours or (isinstance(value, dict) and value):
            filled = _filled(ours.get(key, {}), value, leave, here)
            if filled or key in ours:
                result[key] = filled
        else:
            result[key] = value
    return result


# The tree that holds every character of a file.


@dataclass(eq=False, slots=True)
class _Node:
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
    data: _Data
    items: list[_Item] = field(default_factory=list)
    comma: bool = False
    head: str = ""
    inline: bool = False
    last_comma: bool = False
    tail: str = ""

    def __str__(self) -> str:
        parts = [self.head]
        for item in self.items:
            last = item is self.items[-1]
            lead = "" if self.inline and item is self.items[0] else item.lead
            comma = "," if self.comma and (self.last_comma or not last) else ""
            parts += lead, item.name, item.gap, str(item.node), item.pre, comma, item.post
        return "".join([*parts, self.tail])


@dataclass(eq=False, slots=True)
class _Item:
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

    key: _Key
    start: int
    stop: int
    node: _Node
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


def _split(node: _Node, text: str, trivia: _Trivia) -> int:
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


def _trivia_of(node: _Node) -> Iterator[str]:
    """Give all that must be blanks and comments, and nothing else."""
    if node.items:
        yield node.head[node.comma :]
        yield node.tail[: len(node.tail) - node.comma]
    elif match := re.match(r"[|>]\S*[ \t]+(#.*)", node.head):
        yield match[1]  # a block of text in YAML
    for item in node.items:
        yield from (item.lead, re.sub(r"^\s*[:=]", "", item.gap), item.pre, item.post)
        yield from _trivia_of(item.node)


def _data(items: list[_Item], *, mapping: bool) -> _Data:
    if not mapping:
        return [item.node.data for item in items]
    result: dict[str, _Data] = {}
    for item in items:
        within: _Data = result
        for key in item.key[:-1]:
            within = within.setdefault(key, {}) if isinstance(within, dict) else {}
        if not isinstance(within, dict) or item.key[-1] in within:
            raise _NoMergeError
        within[item.key[-1]] = item.node.data
    return result


class _File:
    """A manifest as it was read.

    Attributes:
        root: Its tree.
        comments: Its comments.
    """

    def __init__(self, path: PurePosixPath, content: bytes) -> None:
        # A line break before it makes its first line like any other.
        self.text = "\n" + content.decode().replace("\r\n", "\n")
        mixed = content.count(b"\r") not in (0, content.count(b"\n"))
        if mixed or "\r" in self.text or "\ufeff" in self.text:
            raise _NoMergeError
        if path.name in _STRICT:
            json.loads(self.text)
        self.root, trivia = _READERS[path.suffix](self.text)
        end = _split(self.root, self.text, trivia)
        before, after = self.text[: self.root.start], self.text[end:]
        between = [before.removesuffix("---"), *_trivia_of(self.root), after]
        self.root.head, self.root.tail = before + self.root.head, self.root.tail + after
        if str(self.root) != self.text or not all(map(trivia.all.fullmatch, between)):
            raise _NoMergeError
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
    key: Callable[[str], _Key]
    leaf: Callable[[str], _Data]


class _Scanner:
    """Reads the values of JSON and TOML, which differ in their words alone."""

    def __init__(self, text: str, words: _Words) -> None:
        self.text, self.words, self.skip = text, words, partial(words.trivia.skip, text)

    def pair(self, pos: int) -> _Item:
        """Read a key and its value."""
        name = self.words.name.match(self.text, pos)
        colon = self.skip(name.end()) if name else pos
        if name is None or self.text[colon] != self.words.colon:
            raise _NoMergeError
        value = self.value(self.skip(colon + 1))
        return _Item(self.words.key(name.group()), pos, name.end(), value)

    def value(self, pos: int) -> _Node:
        """Read a value."""
        if self.text[pos] not in "[{":
            if not (atom := self.words.atom.match(self.text, pos)):
                raise _NoMergeError
            return _Node(pos, atom.end(), self.words.leaf(atom.group()))
        node, mapping = _Node(pos, pos, [], comma=True), self.text[pos] == "{"
        pos = self.skip(pos + 1)
        while self.text[pos] != "]}"[mapping]:
            item = self.pair(pos) if mapping else _Item((), pos, pos, self.value(pos))
            node.items.append(item)
            pos = self.skip(item.node.end)
            if self.text[pos] == ",":
                pos = self.skip(pos + 1)
            elif self.text[pos] not in "]}":
                raise _NoMergeError
        node.end, node.data = pos + 1, _data(node.items, mapping=mapping)
        return node


def _read_json(text: str) -> tuple[_Node, _Trivia]:
    def leaf(word: str) -> _Leaf:
        value = json.loads(word, parse_constant=int)  # int() refuses NaN and Infinity
        return _Leaf("str", value) if isinstance(value, str) else _Leaf("", word)

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


def _toml_data(value: Any) -> _Data:
    if isinstance(value, dict):
        return {key: _toml_data(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_toml_data(item) for item in value]
    return _Leaf(type(value).__name__, str(value))


def _toml_key(word: str) -> _Key:
    within, keys = tomllib.loads(f"{word} = 0"), []
    while isinstance(within, dict):
        [(key, within)] = within.items()
        keys.append(key)
    return tuple(keys)


def _read_toml(text: str) -> tuple[_Node, _Trivia]:
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
    root = table = _Node(0, -1, _toml_data(tomllib.loads(text)))
    counts: Counter[_Key] = Counter()
    pos = scanner.skip(0)
    while pos < len(text):
        if match := _TOML_HEADER.match(text, pos):
            path, end = _toml_key(match[2]), match.end()
            if match[1] == "[[":
                inner = [key for key in counts if key[: len(path)] == path != key]
                counts = counts - Counter({key: counts[key] for key in inner}) + Counter([path])
            key, data = _toml_place(root.data, path, counts)
            table = _Node(end, -1, data)
            root.items.append(_Item(key, pos, end, table))
        else:
            table.items.append(scanner.pair(pos))
            end = table.items[-1].node.end
        pos = scanner.skip(end)
    return root, _HASH


def _toml_place(data: _Data, path: _Key, counts: Counter[_Key]) -> tuple[_Key, _Data]:
    """Give the key of a table and its data.

    A table of an array is known by what it says, as its number may change.
    """
    key: _Key = ()
    for at, part in enumerate(path, 1):
        if not isinstance(data, dict):
            raise _NoMergeError
        data, key = data[part], (*key, part)
        if isinstance(data, list):
            data = data[counts[path[:at]] - 1]
            key = (*key, _frozen(data))
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
            raise _NoMergeError
        start, end = event.start_mark, event.end_mark
        if not isinstance(event, yaml.AliasEvent):
            if not (event.anchor or event.tag or any(key.value == "<<" for key in keys)):
                return node
            end = yaml.Mark("", _yaml_end(node, self.text), 0, 0, None, 0)
        return yaml.ScalarNode(_OPAQUE, self.text[start.index : end.index], start, end)


_OPAQUE = "opaque"


def _yaml_end(node: Any, text: str) -> int:
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _yaml_end(last[1] if isinstance(node, yaml.MappingNode) else last, text)
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    # A block of text takes the blank lines after it.
    block = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
    return start + len(text[start:end].rstrip(" \n")) if block else end


def _read_yaml(text: str) -> tuple[_Node, _Trivia]:
    colon = re.compile(r"\s*:")

    def read(node: Any, start: int) -> _Node:
        if node is None:
            raise _NoMergeError  # there is nothing but comments
        if isinstance(node, yaml.ScalarNode):
            return _Node(node.start_mark.index, _yaml_end(node, text), _Leaf(node.tag, node.value))
        result = _Node(start, -1, [], comma=bool(node.flow_style))
        if node.flow_style:
            result.start, result.end = node.start_mark.index, node.end_mark.index
            if text[result.start] not in "[{":
                raise _NoMergeError
        end = result.start
        for entry in node.value:
            if isinstance(node, yaml.MappingNode):
                name, value = entry
                start, stop = name.start_mark.index, name.end_mark.index
                match = colon.match(text, stop)
                if not (match and isinstance(name, yaml.ScalarNode)):
                    raise _NoMergeError
                item = _Item((name.value,), start, stop, read(value, match.end()))
            elif result.comma:
                value, start = entry, entry.start_mark.index
                item = _Item((), start, start, read(value, start))
            else:
                value, start = entry, text.rindex("-", end, entry.start_mark.index)
                item = _Item((), start, start + 1, read(value, start + 1))
            end = _yaml_end(value, text)
            result.items.append(item)
        result.data = _data(result.items, mapping=isinstance(node, yaml.MappingNode))
        return result

    dashes = re.match(r"(?:\s|#[^\n]*)*(?<=\n)---(?=\s)", text)
    return read(_Loader(text).get_single_node(), dashes.end() if dashes else 0), _HASH


_READERS = {".json": _read_json, ".toml": _read_toml, ".yaml": _read_yaml, ".yml": _read_yaml}


# Editing the tree.


def _found(data: _Data | None, key: _Key) -> _Data | None:
    for part in key:
        if isinstance(data, list):
            data = next((value for value in data if _frozen(value) == part), None)
        else:
            data = data.get(part) if isinstance(data, dict) else None
    return data


class _Editor:
    """Edits a tree with what another has.

    Args:
        known: The comments that the template once gave, which it may replace.
        gone: Those of them that it doesn't give any more.
        units: What one level of indentation is in the other's text and in this one's; None
            keeps what is new as it is in the other.
    """

    def __init__(
        self, known: Collection[str], gone: Collection[str], units: tuple[str, str] | None
    ) -> None:
        self.known, self.gone, self.units = known, gone, units

    def _node(self, ours: _Node, target: _Data, theirs: _Node | None) -> bool:
        """Edit a mapping or a list, if it is one and has items."""
        if ours.data == target:
            return True
        if not (ours.items if ours.comma else target):
            return False  # what has no items may be written in another way
        new = theirs.items if theirs and isinstance(theirs.data, type(target)) else []
        if isinstance(ours.data, dict) and isinstance(target, dict):
            self._mapping(ours, target, new)
        elif isinstance(ours.data, list) and isinstance(target, list):
            self._list(ours, target, new)
        else:
            return False
        if ours.comma and not ours.items:
            ours.tail = ours.tail.strip()
        return True

    def _mapping(self, ours: _Node, target: _Data, new: list[_Item]) -> None:
        old = list(ours.items)
        counterparts = {item.key: item for item in new}
        place = 0
        for item in new:
            same = [at for at, mine in enumerate(ours.items) if mine.key == item.key]
            value = _found(target, item.key)
            if same:
                place = same[0] + 1
            elif value is not None and _found(ours.data, item.key) != value:
                # It may be wanted without some of what is in it.
                self._node(item.node, value, None)
                ours.items.insert(place, self._adopted(ours, item))
                place += 1
        for item in old:
            value = _found(target, item.key)
            if value is not None:
                had_items = bool(item.node.items)
                self.item(item, value, counterparts.get(item.key))
                # All that a table of TOML still says may be in tables of their own below it.
                if item.key in counterparts or item.node.items or not had_items:
                    continue
            self._remove(ours, item)

    def _remove(self, ours: _Node, item: _Item) -> None:
        """Remove an item, but not the comments above it that the template doesn't remove."""
        at = ours.items.index(item)
        lines = item.lead.split("\n")[1:-1]
        kept = [f"\n{line}" for line in lines if line.strip() not in ("", *self.gone)]
        if at:
            ours.items[at - 1].post += "".join(kept)
        elif not ours.inline:
            ours.head += "".join(kept)
        ours.items.remove(item)

    def _list(self, ours: _Node, target: list[_Data], new: list[_Item]) -> None:
        items: list[_Item] = []
        for same, i1, i2, j1, j2 in _hunks([item.node.data for item in ours.items], target):
            here, values = ours.items[i1:i2], target[j1:j2]
            if len(here) == len(values):
                items += here
            if same == "equal":
                continue
            for at, value in enumerate(values):
                equal = next((item for item in new if item.node.data == value), None)
                if len(here) == len(values):
                    self.item(here[at], value, equal or _closest(new, value))
                elif equal is None:
                    raise _NoMergeError
                else:
                    items.append(self._adopted(ours, equal))
        ours.items = items

    def item(self, ours: _Item, target: _Data, theirs: _Item | None) -> None:
        """Make an item say what it should, by edits inside of it or by the other's text."""
        if self._node(ours.node, target, theirs.node if theirs else None):
            return
        if theirs is None or theirs.node.data != target:
            raise _NoMergeError
        if not (_in_line(ours.node) and _in_line(theirs.node)):
            ours.gap = theirs.gap
        ours.node = self._copy(theirs, ours.indent)
        comment, new = ours.post.strip(), theirs.post.strip()
        if not comment or comment in self.known:
            ours.post = theirs.post
        elif new not in ("", comment, *self.known):
            raise _NoMergeError

    def _adopted(self, ours: _Node, theirs: _Item) -> _Item:
        """Copy an item, laid out as its new siblings are."""
        sibling = ours.items[0] if ours.items else theirs
        result = _Item(theirs.key, 0, 0, theirs.node, "", theirs.name, theirs.gap, "", theirs.post)
        _, lines, result.indent = sibling.lead.rpartition("\n")
        result.node = self._copy(theirs, result.indent)
        if ours.comma:
            result.gap = sibling.gap
        if not theirs.key:
            result.name = sibling.name
            if not (ours.comma or result.gap) and _in_line(theirs.node):
                result.gap = " "
        if lines:
            above = theirs.lead.split("\n")[1:-1]
            above = [result.indent + line.strip() if line.strip() else "" for line in above]
            result.lead = "\n".join(["", *above, result.indent])
        else:
            result.lead, result.post = sibling.lead, ""
            if self.units:
                result.node.head = re.sub(r"\s*\n\s*", " ", result.node.head)
        return result

    def _copy(self, theirs: _Item, indent: str) -> _Node:
        if f'["{_OPAQUE}"' in _frozen(theirs.node.data):
            raise _NoMergeError  # an alias may mean something else there
        old, new = self.units or ("", "")
        first, *lines = str(theirs.node).split("\n")
        for at, line in enumerate(lines):
            if not line.startswith(theirs.indent) or not line.strip():
                continue
            words = line[len(theirs.indent) :].lstrip()
            deeper = line[len(theirs.indent) : len(line) - len(words)]
            if old and len(deeper) % len(old) == 0:
                deeper = new * (len(deeper) // len(old))
            lines[at] = indent + deeper + words
        return _Node(0, 0, theirs.node.data, head="\n".join([first, *lines]))


def _closest(items: list[_Item], value: _Data) -> _Item | None:
    """Give the item that the value may be, changed by both."""
    text = SequenceMatcher(None, "", _frozen(value))

    def likeness(item: _Item) -> float:
        text.set_seq1(_frozen(item.node.data))
        return text.ratio()

    return max(items, default=None, key=likeness)


def _in_line(node: _Node) -> bool:
    """Tell whether the node is there, and in the line of its key."""
    return bool(node.head) and (node.comma or not node.items)


def _rewritten(
    path: PurePosixPath, base: bytes | None, ours: bytes, theirs: bytes,
    wanted: Callable[[_Data, _Data], _Data],
) -> bytes | None:  # fmt: skip
    """Edit `ours` to say what is wanted, or give None where that cannot be done surely."""
    try:
        old = _File(path, base).comments if base is not None else Counter[str]()
        mine, new = _File(path, ours), _File(path, theirs)
        target = wanted(mine.root.data, new.root.data)
        if target == mine.root.data:
            return ours
    except _FAILURES:
        return None
    # Text that YAML takes as it is may not bear another indentation, so it is tried without.
    for units in ((new.unit, mine.unit or new.unit), None):
        try:
            mine, new = _File(path, ours), _File(path, theirs)
            root = _Item((), 0, 0, mine.root)
            editor = _Editor(old, old - new.comments, units)
            editor.item(root, target, _Item((), 0, 0, new.root))
            text = str(root.node)[1:].replace("\n", "\r\n" if b"\r" in ours else "\n").encode()
            result = _File(path, text)
        except _FAILURES:
            continue
        kept = mine.comments - (old - new.comments)
        if result.root.data == target and kept <= result.comments:
            return text
    return None
