"""Three-way merges: what a project was, what somebody made of it, what the template makes of it.

Git merges (`git merge-tree --write-tree`, the algorithm of `git merge`). What is decided here is
only what it calls a conflict although nobody has to be asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from scaffold.documents import merging, reading
from scaffold.git.repository import SUBMODULE, SYMLINK, Entry
from scaffold.update.outcome import Change, Conflict, Kept, Merge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from scaffold.files import File
    from scaffold.git.store import Messages, Stages, Store

    #: Files of the template, each with the place that is taken and where it was before.
    Taken: TypeAlias = dict[PurePosixPath, tuple[PurePosixPath, PurePosixPath | None]]

BASE, OURS, THEIRS = 1, 2, 3
#: Where git looks for a NUL to tell what is no text (bytes).
BINARY = 8000


def merged(
    store: Store,
    base: list[File],
    ours: tuple[str, Mapping[PurePosixPath, Entry | None]],
    theirs: list[File],
    label: str,
) -> Merge:
    """Merge.

    Args:
        store: Where.
        base: What the project came from.
        ours: What it is now: a tree, and what is different from it.
        theirs: What the template makes of it.
        label: What conflict markers call the template's side.
    """
    return _Merger(store, label, base, ours).run(theirs)


class _Merger:
    """One merge, step by step."""

    def __init__(
        self,
        store: Store,
        label: str,
        base: list[File],
        ours: tuple[str, Mapping[PurePosixPath, Entry | None]],
    ) -> None:
        self.store = store
        self.label = label.encode()
        self.sides = base, ours
        self.merge = Merge()
        #: What is different from git's own result.
        self.settled: dict[PurePosixPath, Entry | None] = {}

    def run(self, theirs: list[File]) -> Merge:
        tree, stages, messages = self._by_git(theirs)
        taken: Taken = {}
        while (found := self._taken(stages, messages)).keys() - taken.keys():
            taken |= found
            tree, stages, messages = self._by_git(self._without(theirs, taken))
        for path, (place, before) in taken.items():
            self._keep(path, place, before)
        self._settle_double_renames(stages, messages)
        self._settle_other_types(stages, messages)
        # What is no text has "contents" for its second kind.
        kinds = {path: kind for paths, kind in messages for path in paths if kind == "contents"}
        kinds |= {path: kind for paths, kind in messages for path in paths if kind != "contents"}
        for path, sides in sorted(stages.items()):
            self._settle(path, sides, kinds.get(path, ""))
        self._collect(tree)
        self._find_deleted()
        return self.merge

    def _by_git(self, theirs: list[File]) -> tuple[str, Stages, Messages]:
        base, ours = self.sides
        self.store.write_commits(base, *ours, theirs)
        self.base, self.ours, self.theirs = map(self.store.tree, ("base", "yours", "scaffold"))
        tree, stages, messages = self.store.merge()
        self.tree = self.store.tree(tree) if messages else {}
        return tree, stages, messages

    def _taken(self, stages: Stages, messages: Messages) -> Taken:
        """Find what the template wants to have where somebody has something else."""
        places: dict[PurePosixPath, PurePosixPath] = {}
        for paths, kind in messages:
            if kind == "file/directory":  # git puts one of them beside it, under a name of its own
                name, place = paths
                is_ours = str(name).startswith(f"{place}~yours")
                inside = [path for path in self.tree if path.is_relative_to(place)]
                places |= dict.fromkeys(inside if is_ours else [place], place)
        for path, sides in stages.items():
            if THEIRS in sides and path in self.ours and path not in self.base:
                places[path] = path
        if not places:
            return {}
        changes = self.store.changes("base", "scaffold")
        moves = {after: before for status, before, after, _ in changes if status == "R"}
        return {
            path: (place, moves.get(path))
            for path, place in places.items()
            if path in self.theirs
            and (path != place or self._is_taken(path, stages.get(path, {}), moves.get(path)))
        }

    def _is_taken(
        self, path: PurePosixPath, sides: Mapping[int, Entry], before: PurePosixPath | None
    ) -> bool:
        """Tell whether what somebody has in a place is another thing than the template's."""
        mine, its = self.ours.get(path), self.theirs[path]
        if mine is None:
            return True
        if before:
            return before in self.ours
        if sides.get(THEIRS) != its:
            return False
        texts = [self.store.read(side.oid) for side in (mine, its) if _is_file(side)]
        return len(texts) == 1 or merging.merge(path, None, *texts) is None

    def _without(self, theirs: list[File], taken: Taken) -> list[File]:
        """Leave out what has no place: `adopt` would, too.

        What the template moved there stays where it was, edits and all.
        """
        old = {file.path: file for file in self.sides[0]}
        new = {file.path: file for file in theirs if file.path not in taken}
        for path, (_, before) in taken.items():
            was = before or path
            if was in old and not any(overlap(was, other) for other in new):
                new[was] = old[was]
        return list(new.values())

    def _keep(
        self, path: PurePosixPath, place: PurePosixPath, before: PurePosixPath | None
    ) -> None:
        """Tell of a place that is taken, and remember it."""
        does = f"moves {before} there" if before else "adds one"
        reason = f"the template {does}, and you have your own"
        self.merge.kept.append(Kept(path, "you deleted it" if path in self.base else reason))
        if path not in self.base and place not in self.merge.keep:
            self.merge.keep.append(place)

    def _settle_double_renames(self, stages: Stages, messages: Messages) -> None:
        """Keep the name that somebody gave a file which the template renames as well."""
        for paths, kind in messages:
            if kind != "rename/rename":
                continue
            before, mine, its = paths
            if not stages.get(its, {}).keys() <= {THEIRS} or mine not in self.tree:
                continue  # there is more to it
            # Where a folder is in the old place, git says nothing of what was there.
            sides = {BASE: self.base[before], OURS: self.ours[mine], THEIRS: self.theirs[its]}
            for path in paths:
                stages.pop(path, None)
            self.settled[its] = None
            text = self.store.read(self.tree[mine].oid)
            # Of what is no text, git keeps ours, without markers.
            if is_marked(text) or (len({*sides.values()}) == 3 and b"\0" in text):  # noqa: PLR2004
                stages[mine] = sides
            else:
                self.merge.kept.append(Kept(mine, f"you renamed it, the template did to {its}"))

    def _settle_other_types(self, stages: Stages, messages: Messages) -> None:
        """Keep a link or a submodule that somebody put in a file's place.

        Git puts the template's version beside it, under a name of its own.
        """
        for paths, kind in messages:
            if kind != "distinct modes":
                continue
            path, *others = paths
            for other in others:
                its = stages.get(other, {}).get(THEIRS)
                # Where the template renamed it, somebody's edits may be in there.
                if not (its and its == self.theirs.get(path) and path in stages):
                    continue
                stages[path] = {**stages.pop(other), **stages[path]}
                self.settled[other] = None
                if stages[path].keys() == {BASE, OURS, THEIRS}:
                    del stages[path]
                    reason = "you put a link or a submodule in its place"
                    self.merge.kept.append(Kept(path, reason))

    def _settle(self, path: PurePosixPath, sides: dict[int, Entry], kind: str) -> None:
        if sides.keys() == {BASE, OURS} and path in self.tree:
            self.settled[path] = sides[OURS]
            self.merge.kept.append(Kept(path, "you changed it; the template has it no more"))
            return
        if sides.keys() == {BASE, THEIRS} and path in self.tree:
            self.settled[path] = None
            self.merge.kept.append(Kept(path, "you deleted it"))
            self.merge.deleted.append(path)
            return
        if not self._merge_contents(path, sides, kind):
            words = KINDS.get(kind, kind) or KINDS["contents"]
            self.merge.conflicts.append(Conflict(path, words, sides))

    def _merge_contents(self, path: PurePosixPath, sides: Mapping[int, Entry], kind: str) -> bool:
        """Merge what is in a file better than git did, or label the markers that it left.

        Returns:
            Whether there is nothing left to decide.
        """
        if {OURS, THEIRS} <= sides.keys() and all(_is_file(side) for side in sides.values()):
            texts = {stage: self.store.read(side.oid) for stage, side in sides.items()}
            is_text = not any(b"\0" in text[:BINARY] for text in texts.values())
            if BASE in sides and not is_text:
                self.settled[path] = sides[OURS]
                self.merge.kept.append(Kept(path, "you changed it, and it is no text to be merged"))
                return True
            content, clean = None, False
            if is_text:
                content, clean = self._by_content(path, texts, anew=kind == "rename/rename")
            if content is not None:
                self.settled[path] = Entry(_mode(sides), self.store.write(content))
                return clean
        if path in self.tree and _is_file(self.tree[path]):
            text = self.store.read(self.tree[path].oid)
            named = re.sub(
                rb"(?m)^(>{7,}) scaffold(?=$|\r$|:)",
                lambda marker: marker[1] + b" " + self.label,
                text,
            )
            if named != text:
                self.settled[path] = Entry(self.tree[path].mode, self.store.write(named))
        return False

    def _by_content(
        self, path: PurePosixPath, texts: Mapping[int, bytes], *, anew: bool
    ) -> tuple[bytes | None, bool]:
        """Merge what git's text merge could not, or not well.

        Returns:
            What came of it, or None; and whether it is free of conflicts.
        """
        base, ours, theirs = texts.get(BASE), texts[OURS], texts[THEIRS]
        by_lines = None
        # Git's own markers in a file that both renamed are longer than any other file's.
        turned = _ends_crlf(ours) != _ends_crlf(theirs)
        if anew or turned:
            if turned:  # every line differs, and yet nothing does
                base = base if base is None else _with_ends_of(ours, base)
                theirs = _with_ends_of(ours, theirs)
            by_lines = self.store.merge_texts(ours, base or b"", theirs, self.label.decode())
            if not is_marked(by_lines):
                return by_lines, True
        by_keys = merging.merge(path, base, ours, theirs)
        return (by_lines, False) if by_keys is None else (by_keys, True)

    def _collect(self, tree: str) -> None:
        result = self.merge.result
        renamed = {}
        for status, before, after, entry in self.store.changes("yours", tree):
            if status == "R":
                result[before] = None
                renamed[after] = before
            result[after] = None if status == "D" else entry
        for path, settled in self.settled.items():
            if settled == self.ours.get(path):
                result.pop(path, None)
            else:
                result[path] = settled
        conflicts = {conflict.path for conflict in self.merge.conflicts}
        moved = {b for a, b in renamed.items() if result.get(a) and result.get(b, 0) is None}
        for path in sorted(result):
            now = result[path]
            if path in conflicts or (now is None and path in moved):
                continue
            change = self._change(path, now, renamed.get(path))
            self.merge.changes.append(change)
            if change.what == "merged" and now is not None:
                self._check_manifest(path, now)

    def _change(
        self, path: PurePosixPath, entry: Entry | None, before: PurePosixPath | None
    ) -> Change:
        if entry is None:
            return Change("removed", path)
        if before is not None and self.merge.result.get(before, 0) is None:
            return Change("renamed", path, before)
        if path not in self.ours:
            return Change("added", path)
        same = self.ours[path] == self.base.get(path)
        return Change("changed" if same else "merged", path)

    def _check_manifest(self, path: PurePosixPath, entry: Entry) -> None:
        """Hold a manifest that was merged by lines to its format: that is not seen in lines."""
        sides = {
            stage: tree[path]
            for stage, tree in ((BASE, self.base), (OURS, self.ours), (THEIRS, self.theirs))
            if path in tree
        }
        if not ({OURS, THEIRS} <= sides.keys() and reading.valid(path, b"") is not None):
            return
        content = {stage: self.store.read(side.oid) for stage, side in sides.items()}
        if reading.valid(path, self.store.read(entry.oid)) or not all(
            reading.valid(path, text) for text in content.values()
        ):
            return
        by_keys = merging.merge(path, content.get(BASE), content[OURS], content[THEIRS])
        if by_keys is not None:
            self.merge.result[path] = Entry(entry.mode, self.store.write(by_keys))
            return
        del self.merge.result[path]
        self.merge.changes.remove(Change("merged", path))
        self.merge.conflicts.append(
            Conflict(path, "merged by lines it would not be valid; yours is in place", sides)
        )

    def _find_deleted(self) -> None:
        missing = [path for path in self.base if path not in self.ours]
        if missing:
            renamed = {
                before
                for status, before, _, _ in self.store.changes("base", "yours")
                if status == "R"
            }
            self.merge.deleted += [path for path in missing if path not in renamed]
        self.merge.deleted = sorted({*self.merge.deleted})


#: Git's names for conflicts, in words.
KINDS = {
    "contents": "both changed it",
    "distinct modes": "a file on one side, a link or submodule on the other",
    "rename involved in collision": "two files were renamed to this",
    "submodule": "it is a submodule",
    "rename/rename": "both renamed it, and changed the same of it",
}


def overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    """Tell whether two paths are the same, or one is in the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def _is_file(entry: Entry) -> bool:
    return entry.mode not in {SUBMODULE, SYMLINK}


def _mode(sides: Mapping[int, Entry]) -> str:
    """Merge the modes of three sides; two values leave nothing to disagree about."""
    base, ours, theirs = (sides.get(side, sides[OURS]).mode for side in (BASE, OURS, THEIRS))
    return ours if theirs == base else theirs


def is_marked(text: bytes) -> bool:
    """Tell whether a text has conflict markers."""
    return re.search(rb"(?m)^(<{7,}|>{7,}) ", text) is not None


def _ends_crlf(text: bytes) -> bool:
    return text.count(b"\r\n") * 2 > text.count(b"\n")


def _with_ends_of(model: bytes, text: bytes) -> bytes:
    lf = text.replace(b"\r\n", b"\n")
    return lf.replace(b"\n", b"\r\n") if _ends_crlf(model) else lf
