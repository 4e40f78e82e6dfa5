"""What a merge leaves alone because it is somebody's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scaffold.documents import merging
from scaffold.project.ownership import FILE, Owner
from scaffold.update.outcome import Kept

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import PurePosixPath

    from scaffold.files import File
    from scaffold.project.ownership import Ownership


def owned(
    base: Iterable[File],
    theirs: Iterable[File],
    ours: Iterable[PurePosixPath],
    ownership: Ownership,
) -> tuple[list[File], list[File], list[Kept]]:
    """Leave out of a merge what the template has no say in.

    Returns:
        The base and theirs to merge, and what is kept although the template changed it.
    """
    before = {file.path: file for file in base}
    after = {file.path: file for file in theirs}
    present = set(ours)
    kept = []
    for path in sorted({*before, *after}):
        owner = ownership.of(path)
        if owner is Owner.MANAGED:
            continue
        old, new = before.get(path), after.get(path)
        if owner is Owner.YOURS:
            before.pop(path, None)
            after.pop(path, None)
        elif old and new:
            after[path] = old  # so that nothing has changed
        elif new and path in present:
            del after[path]
        else:  # a new seed, or one that the template has dropped: like any other file
            continue
        if new and not _same(old, new):
            kept.append(Kept(path, ownership.reason(path)))
    for path, keys in ownership.keys.items():
        if path in after and (told := _leave_out(path, keys, before, after)):
            kept.append(told)
    return list(before.values()), list(after.values()), kept


def _leave_out(
    path: PurePosixPath,
    keys: Collection[str],
    before: dict[PurePosixPath, File],
    after: dict[PurePosixPath, File],
) -> Kept | None:
    """Take keys that are somebody's own out of what the template has for a manifest."""
    changed = not _same(before.get(path), after[path])
    for files in (before, after):
        if path in files:
            content = merging.without(path, files[path].content, keys)
            if content is not None:
                files[path] = replace(files[path], content=content)
    if changed and _same(before.get(path), after.get(path)):
        return Kept(path, f"what the template changed in it is yours, as {FILE} says")
    return None


def _same(one: File | None, other: File | None) -> bool:
    return bool(
        one and other and (one.content, one.executable) == (other.content, other.executable)
    )
