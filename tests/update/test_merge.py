"""Whatever both sides do to names, a merge comes to an end that a work tree can hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest
from conftest import memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project import commit_all, git

from scaffold.files import File
from scaffold.git.repository import SYMLINK, Repository
from scaffold.git.store import inline, scratch_store
from scaffold.update.merge import merged
from scaffold.update.outcome import Merge

A, B, C = ("".join(f"{name}, line {n * n}\n" for n in range(12)) for name in "abc")
PLAIN, RUNS = "100644", "100755"

#: What is at a path: a mode, and a file's text or where a link leads to.
Tree = dict[str, tuple[str, str]]


@dataclass
class Result:
    """What a merge came to, and what the project has then, by path."""

    merge: Merge
    tree: Tree


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("repository")
    git("init", "--quiet", cwd=folder)
    commit_all(folder)
    return Repository.opened(folder)


@pytest.fixture(scope="module", autouse=True)
def in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", memory() or None)
        yield


def files(tree: Tree) -> list[File]:
    return [
        File(PurePosixPath(path), text.encode(), mode == RUNS, PurePosixPath(path))
        for path, (mode, text) in tree.items()
    ]


def merge(repository: Repository, base: Tree, ours: Tree, theirs: Tree) -> Result:
    """Merge, and hold what comes of it to what every merge has to keep to."""
    lines = [
        inline(PurePosixPath(path), text.encode(), mode) for path, (mode, text) in ours.items()
    ]
    head = b"commit refs/heads/own\ncommitter a <a> 0 +0000\ndata 0\n"
    with scratch_store(repository) as store:
        feed = b"".join([head, *lines, b"\ndone\n"])
        store.git("fast-import", "--quiet", "--done", "--force", feed=feed)
        own = store.git("rev-parse", "own^{tree}").decode().strip()
        done = merged(store, files(base), (own, {}), files(theirs), "scaffold v2")
        entries = {
            path: entry for path, entry in {**store.tree(own), **done.result}.items() if entry
        }
        tree = {
            str(path): (entry.mode, store.read(entry.oid).decode())
            for path, entry in entries.items()
        }
    for path in entries:
        assert not {*path.parents} & entries.keys(), f"{path} is below a file"
        assert "~" not in path.name, f"{path} is a name that nobody gave"
    assert tokens(ours) <= tokens(tree), "a line is lost"
    return Result(done, tree)


def tokens(tree: Tree) -> set[str]:
    return {token for _, text in tree.values() for token in re.findall(r"ours-\d+", text)}


def plain(**texts: str) -> Tree:
    """Give a tree of files; `__` in a name is a slash."""
    return {name.replace("__", "/"): (PLAIN, text) for name, text in texts.items()}


EDITED = A.replace("line 9\n", "line nine\n")
LINK = {"ops": (SYMLINK, "bin/ours-1")}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        pytest.param(
            plain(a=A), plain(a__in=A), plain(b=EDITED), plain(a__in=EDITED),
            id="both rename it, and somebody has a folder in the old place",
        ),
        pytest.param(
            plain(a=A), plain(mine=A), plain(its=EDITED, a__new=B), plain(mine=EDITED, a__new=B),
            id="both rename it, and the template has a folder in the old place",
        ),
        pytest.param(
            plain(a=A), plain(a__in=A), plain(a__its=EDITED, a__new=B),
            plain(a__in=EDITED, a__new=B),
            id="both make it a folder",
        ),
        pytest.param(
            plain(ops__ci=A, ops__lint=B), LINK, plain(ops__ci=EDITED, ops__lint=B, ops__new=C),
            LINK,
            id="a link where the template has a folder",
        ),
        pytest.param(
            plain(ops__ci=A), LINK | plain(bin__ci=A), plain(ops__ci=EDITED, ops__new=C),
            LINK | plain(bin__ci=EDITED),
            id="a link to where the folder is now",
        ),
        pytest.param(
            plain(a=A), plain(a=A + "ours-1\n"), plain(a__new=B), plain(a=A + "ours-1\n"),
            id="an edited file of which the template makes a folder",
        ),
        pytest.param(
            plain(a=A), plain(b__x__own="ours-1\n"), plain(b__x=EDITED),
            plain(b__x__own="ours-1\n"),
            id="a folder where the template moves a file that is deleted",
        ),
        pytest.param(
            plain(a=A, b__x=A), plain(b__x=A, a__x="ours-1\n"), plain(a__x=A, b__x__new=B),
            plain(b__x=A, a__x="ours-1\n"),
            id="a file where the template moves one that makes room for a folder",
        ),
    ],
)  # fmt: skip
def test_who_has_something_in_a_place_keeps_it(
    base: Tree, ours: Tree, theirs: Tree, result: Tree, repository: Repository
) -> None:
    done = merge(repository, base, ours, theirs)
    assert done.tree == result
    assert done.merge.conflicts == []


def test_a_place_that_is_taken_is_remembered(repository: Repository) -> None:
    base, theirs = plain(ops__ci=A), plain(ops__ci=EDITED, ops__new=C)
    done = merge(repository, base, LINK, theirs).merge
    assert [str(path) for path in done.keep] == ["ops"]
    assert [str(path) for path in done.deleted] == ["ops/ci"]
    assert {(str(kept.path), kept.reason) for kept in done.kept} == {
        ("ops/ci", "you deleted it"),
        ("ops/new", "the template adds one, and you have your own"),
    }


NAMES = ("a", "b", "c", "a/x", "b/x", "a/y", "a/x/z", "c/x/y")
DOES = ("rename", "rename", "delete", "edit", "write", "make a folder", "link", "run", "CRLF")
DEEDS = st.lists(
    st.tuples(st.sampled_from(DOES), st.integers(0, 9), st.sampled_from(NAMES)), max_size=4
)


def after(tree: Tree, deeds: Sequence[tuple[str, int, str]], who: str) -> Tree:
    """Do something to a tree; each line that is written has a token of its own."""
    tree = dict(tree)
    for number, (does, at, name) in enumerate(deeds):
        if not tree:
            break
        path = sorted(tree)[at % len(tree)]
        if does == "write":
            path, what = name, (PLAIN, f"{who}-{number}\n{B * (at % 2)}")
        else:
            what = done(does, at, *tree.pop(path), f"{who}-{number}")
        if does == "delete":
            continue
        if does == "rename":
            path = name
        if does == "make a folder":
            path = f"{path}/in"
        here = PurePosixPath(path)
        for other in map(PurePosixPath, list(tree)):
            if here.is_relative_to(other) or other.is_relative_to(here):
                del tree[str(other)]
        tree[path] = what
    return tree


def done(does: str, at: int, mode: str, text: str, token: str) -> tuple[str, str]:
    """Give what becomes of one path."""
    if does == "link":
        return SYMLINK, f"to/{token}"
    if mode == SYMLINK:
        return mode, text
    lines = text.splitlines(keepends=True)
    if does == "edit":
        lines.insert(at % (len(lines) + 1), f"{token}\n")
    elif does == "CRLF":
        lines = [line.replace("\r", "").replace("\n", "\r\n") for line in lines]
    elif does == "make a folder" and at % 2:
        lines = [f"{token}\n"]
    return (RUNS if does == "run" else mode), "".join(lines)


BASES = st.sampled_from([plain(a=A), plain(a=A, b__x=B), plain(a=A, b__x=A, c=C), plain(a__x=A)])


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("MERGES", "300")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(base=BASES, mine=DEEDS, its=DEEDS)
def test_whatever_both_do_to_names(
    repository: Repository,
    base: Tree,
    mine: list[tuple[str, int, str]],
    its: list[tuple[str, int, str]],
) -> None:
    # A template has no links.
    its = [deed for deed in its if deed[0] != "link"]
    merge(repository, base, after(base, mine, "ours"), after(base, its, "its"))
