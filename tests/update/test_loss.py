"""Updates of projects that people have edited lose none of their lines, and hide no conflict.

`docs/reference/update-proof.md` has the table that comes of it. `UPDATE_TABLES=1` writes it anew.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import copier
import pytest
from conftest import ROOT, shared
from copier.errors import UserMessageError
from corpus import (
    KINDS,
    MANIFESTS,
    PEOPLE,
    TOKEN,
    Case,
    Script,
    World,
    build,
    cases,
    edited,
    git,
    version,
)  # fmt: skip

from scaffold.commands.update import Wishes, update
from scaffold.errors import ScaffoldError
from scaffold.template.source import Shelf

PAGE = ROOT / "docs/reference/update-proof.md"
#: Longer markers too: git writes those where one conflict is within another.
MARKER = re.compile(rb"(?m)^(<{7,}|>{7,}|\|{7,}) ")

#: Whether the page is written anew. What Copier does is measured only then.
WRITES = bool(os.environ.get("UPDATE_TABLES"))
#: For every kind of edit and every kind of change.
EACH = 4

Place = tuple[str, int, bytes]


def work_tree(folder: Path) -> dict[str, Place]:
    """Give all that is in a work tree: what it is, its mode, what is in it."""
    found: dict[str, Place] = {}
    for base, folders, names in os.walk(folder):
        if Path(base) == folder:
            folders.remove(".git")
        for name in [*names, *(f for f in folders if Path(base, f).is_symlink())]:
            path = Path(base, name)
            what = str(path.relative_to(folder))
            if path.is_symlink():
                found[what] = ("link", 0, os.fsencode(path.readlink()))
            else:
                found[what] = ("file", path.stat().st_mode & 0o777, path.read_bytes())
    return found


def index(folder: Path) -> bytes:
    return git("ls-files", "--stage", "-z", cwd=folder)


def unmerged(folder: Path) -> set[str]:
    listed = git("ls-files", "--unmerged", "-z", cwd=folder).split(b"\0")[:-1]
    return {os.fsdecode(line.partition(b"\t")[2]) for line in listed}


def tokens(tree: dict[str, Place]) -> set[bytes]:
    return {token for _, _, content in tree.values() for token in TOKEN.findall(content)}


def marked(before: dict[str, Place], after: dict[str, Place]) -> set[str]:
    """Give the files with conflict markers that were not there before."""
    return {
        path
        for path, place in after.items()
        if MARKER.search(place[2]) and before.get(path) != place
    }


@dataclass
class Outcome:
    """What an update did to a project.

    Attributes:
        status: How it ended: `done`, `conflicts`, `refused` (nothing was changed) or `failed`.
        lost: The tokens of the user's lines that are nowhere in the work tree.
        conflicts: Files with markers, or that git's index holds as unmerged, or `.rej` files.
        unreported: Conflicts that neither the tool's report nor git's index names.
        said: Why it was refused or failed.
        kept: Files that it says it left alone.
        deleted: Files that it says the user deleted.
    """

    status: str
    lost: set[bytes] = field(default_factory=set)
    conflicts: set[str] = field(default_factory=set)
    unreported: set[str] = field(default_factory=set)
    said: str = ""
    kept: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


def unsaid(
    script: Script, outcome: Outcome, before: dict[str, Place], after: dict[str, Place]
) -> set[bytes]:
    """Give the template's new lines that did not arrive although nothing was said of their file.

    A setting that the user removed from a manifest is not missed: it stays removed.
    """
    here = b"\n".join(content for _, _, content in after.values())
    old = {line for content in script.before.values() for line in _lines(content)}
    named = {*outcome.conflicts, *outcome.deleted, *outcome.kept}
    return {
        line
        for path, content in script.after.items()
        if path not in named
        for line in _lines(content) - old
        if line not in here
        and not (path in MANIFESTS and _setting(line) not in before.get(path, ("", 0, b""))[2])
    }


def _setting(line: bytes) -> bytes:
    return re.split(rb"[:=]", line, maxsplit=1)[0]


def _lines(content: bytes) -> set[bytes]:
    lines = (line.strip().rstrip(b",") for line in content.splitlines())
    return {line for line in lines if len(line) > 8}


def run_ours(case: Case, folder: Path, **wishes: object) -> tuple[int, str]:
    """Run the command, in this process, and give its exit code and what it printed."""
    data = tuple(f"{key}={value}" for key, value in case.change.data.items())
    asked: dict[str, object] = {
        "path": folder, "to": version(case.change), "data": data, "template": None, "every": False,
        "defaults": True, "lock": True, "dry_run": False, "as_json": True, "resume": False,
        "abort": False, **wishes,
    }  # fmt: skip
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = update(Wishes(**asked))  # type: ignore[arg-type]
    return code, said.getvalue()


def by_ours(case: Case, folder: Path, before: dict[str, Place]) -> Outcome:
    code, named = 0, set()
    try:
        code, said = run_ours(case, folder)
    except ScaffoldError as error:
        outcome = Outcome("refused", said=f"{error.message} {error.hint}")
    else:
        report = json.loads(said)["projects"][0]
        outcome = Outcome("conflicts" if code else "done")
        named = {conflict["path"] for conflict in report["conflicts"]}
        outcome.kept = {kept["path"] for kept in report["kept"]}
        outcome.deleted = {*report["deleted"]}
    after = work_tree(folder)
    held, shown = unmerged(folder), marked(before, after)
    rejects = {path for path in after.keys() - before.keys() if path.endswith(".rej")}
    outcome.lost = tokens(before) - tokens(after)
    outcome.conflicts = named | held | shown | rejects
    outcome.unreported = (named ^ held) | (shown - named) | rejects
    if bool(code) != bool(named):
        outcome.unreported |= {"the exit code"}
    return outcome


def by_copier(case: Case, folder: Path, before: dict[str, Place]) -> Outcome:
    here = Path.cwd()
    outcome = Outcome("done")
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copier.run_update(
                folder, data=case.change.data, vcs_ref=version(case.change), defaults=True,
                overwrite=True, conflict="inline", quiet=True,
            )  # fmt: skip
    except UserMessageError as error:
        outcome = Outcome("refused", said=str(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is counted
        outcome = Outcome("failed", said=f"{type(error).__name__}: {error}")
    finally:
        os.chdir(here)
    after = work_tree(folder)
    held, shown = unmerged(folder), marked(before, after)
    rejects = {path for path in after.keys() - before.keys() if path.endswith(".rej")}
    outcome.lost = tokens(before) - tokens(after)
    outcome.conflicts = held | shown | rejects
    outcome.unreported = (shown - held) | rejects
    return outcome


@dataclass
class Verdict:
    """What came of one case.

    Attributes:
        case: Which.
        stake: How many of the user's lines it was about.
        ours: What `scaffold update` did.
        copier: What `copier update` did, if it was asked.
        wrong: What else is not as it should be.
    """

    case: Case
    stake: int
    ours: Outcome
    copier: Outcome | None
    wrong: list[str]


def judge(world: World, case: Case, *, compare: bool, thorough: bool) -> Verdict:
    """Update one edited project, and hold the result against what was there."""
    with tempfile.TemporaryDirectory(prefix="loss-") as scratch:
        mine = Path(scratch, "mine")
        script = edited(world, case, mine)
        for name in ["copier"] * compare + ["again"] * thorough:
            shutil.copytree(mine, Path(scratch, name), symlinks=True)
        before, index_before = work_tree(mine), index(mine)
        ours = by_ours(case, mine, before)
        after, index_after = work_tree(mine), index(mine)
        wrong = [*_wrong(script, ours, before, after), *_astray(mine, ours)]
        if ours.status != "refused":
            wrong += [
                f"{line!r} never came" for line in sorted(unsaid(script, ours, before, after))
            ]
        elif (before, index_before) != (after, index_after):
            wrong.append("it refused, and yet something changed")
        if thorough and ours.status != "refused":
            again = Path(scratch, "again")
            run_ours(case, again, dry_run=True)
            if (work_tree(again), index(again)) != (before, index_before):
                wrong.append("a dry run changed something")
            run_ours(case, again)
            if (work_tree(again), index(again)) != (after, index_after):
                wrong.append("a second run gave other bytes")
            run_ours(case, mine, abort=True)
            if (work_tree(mine), index(mine)) != (before, index_before):
                wrong.append("--abort did not restore it")
        theirs = by_copier(case, Path(scratch, "copier"), before) if compare else None
    return Verdict(case, len(tokens(before)), ours, theirs, wrong)


def _wrong(
    script: Script, ours: Outcome, before: dict[str, Place], after: dict[str, Place]
) -> Iterator[str]:
    """Check what is not about lines."""
    for path in script.deleted:
        if path not in before and path in after and path not in ours.conflicts:
            yield f"{path} was deleted and has come back"
    for path, place in before.items():
        now = after.get(path)
        if now is None or path in ours.conflicts:
            continue
        if place[0] == "link" and now != place:
            yield f"the link {path} is another"
        crlf = place[2].count(b"\r\n") * 2 > place[2].count(b"\n")
        if crlf and now[2].count(b"\r\n") * 2 <= now[2].count(b"\n"):
            yield f"{path} had CRLF"
        own = place[2].startswith(b"Our own words") and path not in {*script.before, *script.after}
        if own and now != place:
            yield f"{path} is the user's own, and has changed"
    known = set(git("ls-files", "-z", cwd=script.folder).split(b"\0"))
    for path, place in before.items():
        if os.fsencode(path) not in known and after.get(path) != place and path in _strays(script):
            yield f"{path} is not tracked, and has changed"


def _strays(script: Script) -> set[str]:
    listed = git("ls-tree", "-r", "-z", "--name-only", "HEAD", cwd=script.folder).split(b"\0")
    return set(work_tree(script.folder)) - set(map(os.fsdecode, listed))


def _astray(folder: Path, ours: Outcome) -> Iterator[str]:
    """Check that all that is not a conflict is staged."""
    fields = git("diff-files", "--name-only", "-z", cwd=folder).split(b"\0")[:-1]
    for path in {os.fsdecode(name) for name in fields} - ours.conflicts:
        yield f"{path} is not staged as it is"


#: What a process that judges has.
_HAS: list[tuple[World, Shelf]] = []


def _start(world: World) -> None:
    # Of what is left there when the process ends, nothing stays.
    tempfile.tempdir = str(world.project.parent)
    _HAS[:] = [(world, Shelf())]


def _judge(job: tuple[int, Case]) -> Verdict:
    number, case = job
    world, shelf = _HAS[0]
    with shared(shelf):
        return judge(world, case, compare=WRITES, thorough=number % 10 == 0)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="loss-") as folder:
        yield build(Path(folder))


@pytest.mark.slow  # of the thousand, but other ones thoroughly
@pytest.mark.parametrize("part", range(2))
def test_a_sample_of_edited_projects_loses_nothing_and_hides_nothing(
    world: World, part: int
) -> None:
    with Shelf() as shelf, shared(shelf):
        for number, case in enumerate([*cases(EACH)][part * 7 :: len(PEOPLE) * 6 + 5]):
            verdict = judge(world, case, compare=False, thorough=number % 3 == 0)
            assert _faults(verdict) == [], case.name


@pytest.mark.slow
def test_a_thousand_edited_projects_lose_nothing_and_hide_nothing(world: World) -> None:
    jobs = [*enumerate(cases(EACH))]
    assert len(jobs) >= 1000
    with ProcessPoolExecutor(2, get_context("spawn"), _start, (world,)) as pool:
        verdicts = [*pool.map(_judge, jobs, chunksize=4)]
    assert [fault for verdict in verdicts for fault in _faults(verdict)] == []
    written = PAGE.read_text("utf-8")
    before, begin, after = written.partition(BEGIN)
    made = before + begin + _tables(verdicts) + after[after.index(END) :]
    if WRITES:
        # Where Copier breaks off or loses lines, a conflict has little to be compared with.
        for some in (verdicts, _ended(verdicts), _safe(verdicts)):
            assert _sum(some, "conflicts") <= _sum(some, "conflicts", "copier")
        PAGE.write_text(made, "utf-8")
    elif _versions() in written:  # others may merge otherwise, and still lose nothing
        assert _without_copier(written) == _without_copier(made), "run it with UPDATE_TABLES=1"


def _faults(verdict: Verdict) -> list[str]:
    ours = verdict.ours
    found = [*verdict.wrong, *(f"{token.decode()} is lost" for token in sorted(ours.lost))]
    found += [f"{path} is a conflict and not reported" for path in sorted(ours.unreported)]
    return [f"{verdict.case.name}: {fault}" for fault in found]


# The page.

BEGIN, END = "<!-- What follows is written by tests/update/test_loss.py. -->\n", "<!-- End. -->\n"


def _versions() -> str:
    number = git("version", cwd=ROOT).decode().split()[2]
    return f"git {number} and Copier {metadata.version('copier')}"


def _without_copier(page: str) -> list[list[str]]:
    """Leave out of the page what Copier has a part in: its columns, and the comparisons."""
    rows = [line.split("|") for line in page.splitlines() if not line.startswith("Of the ")]
    for row in rows:
        del row[5 if len(row) > 5 else 3 :: 2]
    return rows


def _sum(verdicts: Iterable[Verdict], what: str, whose: str = "ours") -> int:
    outcomes = (getattr(verdict, whose) for verdict in verdicts)
    return sum(len(getattr(outcome, what)) for outcome in outcomes if outcome)


def _tables(verdicts: list[Verdict]) -> str:
    by_change = [(kind, [v for v in verdicts if v.case.change.kind == kind]) for kind in KINDS]
    by_edit = [(edit, [v for v in verdicts if v.case.edit == edit]) for edit in PEOPLE]
    return "\n".join([
        "", f"{len(verdicts)} updates with {_versions()}.", "",
        *_table("The template: …", [*by_change, ("**all**", verdicts)]), "",
        *_table("The user: …", [*by_edit, ("**all**", verdicts)]), "",
        *_endings(verdicts), "", "",
    ])  # fmt: skip


def _ended(verdicts: list[Verdict]) -> list[Verdict]:
    """Give the cases in which Copier came to an end."""
    return [v for v in verdicts if v.copier and v.copier.status == "done"]


def _safe(verdicts: list[Verdict]) -> list[Verdict]:
    """Give the cases in which Copier came to an end and lost nothing."""
    return [v for v in _ended(verdicts) if v.copier and not v.copier.lost]


HEAD = (
    "updates", "lines at stake", "lost: scaffold", "Copier", "in conflict: scaffold", "Copier",
    "unmarked: scaffold", "Copier",
)  # fmt: skip


def _table(first: str, rows: Iterable[tuple[str, list[Verdict]]]) -> Iterator[str]:
    yield f"| {first} | {' | '.join(HEAD)} |"
    yield "| --- |" + " ---: |" * len(HEAD)
    for name, verdicts in rows:
        numbers = [len(verdicts), sum(verdict.stake for verdict in verdicts)]
        for what in ("lost", "conflicts", "unreported"):
            numbers += [_sum(verdicts, what), _sum(verdicts, what, "copier")]
        yield f"| {name} | {' | '.join(map(str, numbers))} |"


def _endings(verdicts: list[Verdict]) -> Iterator[str]:
    yield "| The update … | scaffold | Copier |"
    yield "| --- | ---: | ---: |"
    sides = [[v.ours for v in verdicts], [v.copier for v in verdicts if v.copier]]
    for name, status, conflicts in (
        ("succeeded, without a conflict", "done", False),
        ("left conflicts and said so by its exit status", "conflicts", True),
        ("left conflicts and ended as if it had succeeded", "done", True),
        ("refused before anything was changed", "refused", False),
        ("broke off with an error of its own", "failed", None),
    ):
        numbers = [
            sum(o.status == status and conflicts in {None, bool(o.conflicts)} for o in outcomes)
            for outcomes in sides
        ]
        yield f"| {name} | {numbers[0]} | {numbers[1]} |"
    for words, some in (
        ("that Copier brought to an end", _ended(verdicts)),
        ("in which it lost nothing, too", _safe(verdicts)),
    ):
        yield ""
        yield (
            f"Of the {len(some)} updates {words}, {_sum(some, 'conflicts')} files are in conflict "
            f"with scaffold and {_sum(some, 'conflicts', 'copier')} with Copier."
        )
