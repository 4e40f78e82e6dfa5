"""Merging manifests key by key: JSON with or without comments, TOML and YAML.

What the result must say is worked out on plain data. The user's text is then edited to say it:
it is read as a document that holds every character, so whatever isn't edited stays as it was, and
what is new is taken from the template's text, comments and all. The result is read again, and
given only if it says exactly what it must. So editing may be as simple as it likes: where it falls
short there is no merge.
"""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

from scaffold.documents.notations import OPAQUE
from scaffold.documents.reading import FAILURES, Document
from scaffold.documents.tree import Data, Item, Key, Leaf, Node, UnclearError, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import PurePosixPath


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

    def wanted(ours: Data, theirs: Data) -> Data:
        old = {} if base is None else Document(path, base).root.data
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

    def wanted(data: Data, _: Data) -> Data:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if key not in keys}

    return _rewritten(path, None, content, content, wanted)


# What the result must say.


def _merged(base: Data | None, ours: Data | None, theirs: Data | None) -> Data | None:
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
    raise UnclearError


def _is_set(values: list[Data]) -> bool:
    leaves = [value for value in values if isinstance(value, Leaf)]
    return len({*leaves}) == len(values)


def _merged_set(base: list[Data], ours: list[Data], theirs: list[Data]) -> list[Data]:
    added = [value for value in theirs if value not in base and value not in ours]
    if added and any(value not in ours and value not in theirs for value in base):
        raise UnclearError  # what both deleted may be what the template has replaced
    pairs = ((base[i], theirs[j]) for i, j in _pairs(base, theirs).items())
    instead = {old: new for old, new in pairs if old not in theirs and new in added}
    result = [instead.get(value, value) for value in ours]
    result = [value for value in result if value in theirs or value not in base]
    for value in [value for value in added if value not in result]:
        before = [result.index(v) for v in theirs[: theirs.index(value)] if v in result]
        result.insert(before[-1] + 1 if before else len(result), value)
    return result


def _merged_list(base: list[Data], ours: list[Data], theirs: list[Data]) -> list[Data]:
    """Merge as diff3 does. An item that was changed in its place is the same item."""
    mine, new = _pairs(base, ours), _pairs(base, theirs)
    common = [(-1, -1, -1), *((i, mine[i], new[i]) for i in mine if i in new)]
    result: list[Data] = []
    for (b, o, t), (b2, o2, t2) in pairwise([*common, (len(base), len(ours), len(theirs))]):
        hunk = base[b + 1 : b2], ours[o + 1 : o2], theirs[t + 1 : t2]
        if hunk[2] not in hunk[:2] and hunk[0] != hunk[1]:
            raise UnclearError
        result += hunk[1] if hunk[2] in hunk[:2] else hunk[2]
        if b2 < len(base):
            versions = base[b2], ours[o2], theirs[t2]
            if base[b2] not in versions[1:] and not all(_alike(base[b2], v) for v in versions):
                raise UnclearError
            item = _merged(*versions)
            if item is not None:
                result.append(item)
    return result


def _alike(one: Data, other: Data) -> bool:
    """Tell whether two items have something in common, so that one may be the other, changed."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return False
    return any(other.get(key) == value for key, value in one.items())


def _hunks(one: list[Data], other: list[Data]) -> Sequence[tuple[str, int, int, int, int]]:
    old, new = [*map(frozen, one)], [*map(frozen, other)]
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _pairs(one: list[Data], other: list[Data]) -> dict[int, int]:
    return {
        i: j
        for _, i1, i2, j1, j2 in _hunks(one, other)
        if i2 - i1 == j2 - j1
        for i, j in zip(range(i1, i2), range(j1, j2), strict=True)
    }


def _filled(ours: Data, theirs: Data, leave: Collection[Key], at: Key = ()) -> Data:
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


# Editing the tree.


def _found(data: Data | None, key: Key) -> Data | None:
    for part in key:
        if isinstance(data, list):
            data = next((value for value in data if frozen(value) == part), None)
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

    def _node(self, ours: Node, target: Data, theirs: Node | None) -> bool:
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

    def _mapping(self, ours: Node, target: Data, new: list[Item]) -> None:
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

    def _remove(self, ours: Node, item: Item) -> None:
        """Remove an item, but not the comments above it that the template doesn't remove."""
        at = ours.items.index(item)
        lines = item.lead.split("\n")[1:-1]
        kept = [f"\n{line}" for line in lines if line.strip() not in ("", *self.gone)]
        if at:
            ours.items[at - 1].post += "".join(kept)
        elif not ours.inline:
            ours.head += "".join(kept)
        ours.items.remove(item)

    def _list(self, ours: Node, target: list[Data], new: list[Item]) -> None:
        items: list[Item] = []
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
                    raise UnclearError
                else:
                    items.append(self._adopted(ours, equal))
        ours.items = items

    def item(self, ours: Item, target: Data, theirs: Item | None) -> None:
        """Make an item say what it should, by edits inside of it or by the other's text."""
        if self._node(ours.node, target, theirs.node if theirs else None):
            return
        if theirs is None or theirs.node.data != target:
            raise UnclearError
        if not (_in_line(ours.node) and _in_line(theirs.node)):
            ours.gap = theirs.gap
        ours.node = self._copy(theirs, ours.indent)
        comment, new = ours.post.strip(), theirs.post.strip()
        if not comment or comment in self.known:
            ours.post = theirs.post
        elif new not in ("", comment, *self.known):
            raise UnclearError

    def _adopted(self, ours: Node, theirs: Item) -> Item:
        """Copy an item, laid out as its new siblings are."""
        sibling = ours.items[0] if ours.items else theirs
        result = Item(theirs.key, 0, 0, theirs.node, "", theirs.name, theirs.gap, "", theirs.post)
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

    def _copy(self, theirs: Item, indent: str) -> Node:
        if f'["{OPAQUE}"' in frozen(theirs.node.data):
            raise UnclearError  # an alias may mean something else there
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
        return Node(0, 0, theirs.node.data, head="\n".join([first, *lines]))


def _closest(items: list[Item], value: Data) -> Item | None:
    """Give the item that the value may be, changed by both."""
    text = SequenceMatcher(None, "", frozen(value))

    def likeness(item: Item) -> float:
        text.set_seq1(frozen(item.node.data))
        return text.ratio()

    return max(items, default=None, key=likeness)


def _in_line(node: Node) -> bool:
    """Tell whether the node is there, and in the line of its key."""
    return bool(node.head) and (node.comma or not node.items)


def _rewritten(
    path: PurePosixPath, base: bytes | None, ours: bytes, theirs: bytes,
    wanted: Callable[[Data, Data], Data],
) -> bytes | None:  # fmt: skip
    """Edit `ours` to say what is wanted, or give None where that cannot be done surely."""
    try:
        old = Document(path, base).comments if base is not None else Counter[str]()
        mine, new = Document(path, ours), Document(path, theirs)
        target = wanted(mine.root.data, new.root.data)
        if target == mine.root.data:
            return ours
    except FAILURES:
        return None
    # Text that YAML takes as it is may not bear another indentation, so it is tried without.
    for units in ((new.unit, mine.unit or new.unit), None):
        try:
            mine, new = Document(path, ours), Document(path, theirs)
            root = Item((), 0, 0, mine.root)
            editor = _Editor(old, old - new.comments, units)
            editor.item(root, target, Item((), 0, 0, new.root))
            text = str(root.node)[1:].replace("\n", "\r\n" if b"\r" in ours else "\n").encode()
            result = Document(path, text)
        except FAILURES:
            continue
        kept = mine.comments - (old - new.comments)
        if result.root.data == target and kept <= result.comments:
            return text
    return None
