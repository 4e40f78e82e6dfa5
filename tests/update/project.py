"""A small template with two versions, a project made from the first, and what is in a project."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scaffold import console, project
from scaffold.commands.update import Wishes, update
from scaffold.errors import ScaffoldError
from scaffold.git.process import GitError, explained
from scaffold.git.repository import Repository
from scaffold.project import answersfile
from scaffold.template.answers import resolve
from scaffold.template.renderer import render
from scaffold.template.source import Shelf, opened
from scaffold.update.journal import Journal
from scaffold.update.plan import Wish, planned

ANSWERS = {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml -}}\n"}
LINES = "".join(f"Line {number}.\n" for number in range(20))

#: Two versions of a template: all that can happen to a file happens between them.
FIRST = {
    **ANSWERS,
    "README.md.jinja": "# {{ project_name }}\n" + LINES,
    "run": "#!/bin/sh\n",
    "gone/deep/old.txt": "old\n",
    "part/old.txt": "old\n",
    "part/stays.txt": "stays\n",
    "file-to-folder": "a file\n",
    "folder-to-file/deep/inside.txt": "inside\n",
    "move.txt": "moved\n" + LINES,
}
SECOND = {
    **ANSWERS,
    "README.md.jinja": "# {{ project_name }}\n" + LINES.replace("Line 3.", "Line three."),
    "run": "#!/bin/sh -e\n",
    "part/stays.txt": "stays, changed\n",
    "file-to-folder/inside.txt": "inside a folder that was a file\n",
    "folder-to-file": "a file that was a folder\n",
    "moved/there.txt": "moved\n" + LINES,
    "new/deep/new.txt": "new\n",
    "new.txt": "new\n",
}


def git(*args: str, cwd: Path) -> str:
    return subprocess.check_output(["git", *args], cwd=cwd, text=True, errors="replace").strip()


def commit_all(folder: Path, message: str = "work") -> None:
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--allow-empty", "--message", message, cwd=folder)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files; those that begin with `#!` can be run."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
        (folder / path).chmod(0o755 if text.startswith("#!") else 0o644)


def template(folder: Path, *versions: Mapping[str, str], settings: str = "") -> Path:
    """Make a template's repository with releases: v1.0.0, v2.0.0 and so on."""
    folder.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    for number, files in enumerate(versions, 1):
        if number > 1:
            git("rm", "-r", "--quiet", "files", cwd=folder)
        write(folder / "files", files)
        (folder / "copier.yml").write_text(f"project_name: thing\n_subdirectory: files\n{settings}")
        commit_all(folder)
        git("tag", f"v{number}.0.0", cwd=folder)
    return folder


def fresh(source: str | Path, folder: Path, ref: str | None = None, **answers: Any) -> Path:
    """Render a version of a template."""
    with opened(str(source), ref) as found:
        project.write(render(found, resolve(found, answers)), folder)
    return folder


def repository(
    source: str | Path, folder: Path, ref: str | None = "v1.0.0", **answers: Any
) -> Path:
    """Make a project's repository with one commit."""
    fresh(source, folder, ref, **answers)
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    commit_all(folder)
    return folder


def lived_in(folder: Path) -> Path:
    """Give a project edits, files that git does not know, odd names and modes."""
    write(folder, {".gitignore": "build/\n", "src/mine.txt": "mine\n"})
    (folder / os.fsdecode(b'src/odd-\xff\n".txt')).write_text("odd\n")
    (folder / "src/link").symlink_to("mine.txt")
    with (folder / "README.md").open("a") as readme:
        readme.write("An end of our own.\n")
    commit_all(folder)
    write(folder, {"build/ignored.txt": "ignored\n", "notes.txt": "untracked\n"})
    (folder / "gone").chmod(0o700)
    (folder / "gone/deep").chmod(0o750)
    (folder / "part/stays.txt").chmod(0o640)
    return folder


def updated(path: Path, **wishes: Any) -> int:
    """Run `scaffold update` in this process, and give its exit code."""
    nothing: dict[str, Any] = {
        "path": path, "to": None, "data": (), "template": None, "every": False, "defaults": True,
        "lock": False, "dry_run": False, "as_json": False, "resume": False, "abort": False,
    }  # fmt: skip
    try:
        return update(Wishes(**{**nothing, **wishes}))
    except ScaffoldError as error:
        console.complain(error.message, error.hint)
        return error.exit_code
    except GitError as error:
        message, hint, code = explained(error)
        console.complain(message, hint)
        return code


def applied_by(folder: Path) -> Callable[[Path], None]:
    """Work out a project's update once, and give what applies it to a copy of the project."""
    origin = Repository.opened(folder)
    with (
        Shelf() as shelf,
        planned(origin, answersfile.found_in(origin), shelf, Wish(lock=False)) as plan,
    ):
        plan.export()
        title, result, conflicts, marked = plan.title, plan.result, plan.conflicts, plan.marked()

    def apply(copy: Path) -> None:
        journal = Journal(Repository.opened(copy))
        with journal.held():
            journal.require_none()
            journal.apply(title, result, conflicts, marked)

    return apply


def copied(folder: Path, to: Path) -> Path:
    """Copy a project with all that git knows of it."""
    subprocess.run(["cp", "-a", folder, to], check=True)
    return to


def work_tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Give all that is in a work tree, folders too: each one's mode and content."""
    found = {}
    for base, folders, names in os.walk(folder):
        if Path(base) == folder and ".git" in folders:
            folders.remove(".git")
        for name in {*folders, *names} - {".git"}:
            path = Path(base, name)
            content = b""
            if path.is_symlink():
                content = os.fsencode(path.readlink())
            elif path.is_file():
                content = path.read_bytes()
            found[str(path.relative_to(folder))] = (path.lstat().st_mode, content)
    return found


Files = dict[str, tuple[int, bytes]]


def files(folder: Path) -> Files:
    """Give a project's files, without its folders."""
    found = work_tree(folder)
    return {path: what for path, what in found.items() if not stat.S_ISDIR(what[0])}


def differing(one: Files, other: Files) -> set[str]:
    return {path for path in {*one, *other} if one.get(path) != other.get(path)}


def snapshot(folder: Path) -> tuple[object, ...]:
    """Give all that makes a project: its work tree, its index, its last commit, its status."""
    return (
        work_tree(folder),
        git("ls-files", "--stage", "-v", "-z", cwd=folder),
        git("--no-optional-locks", "status", "--porcelain=v2", "--branch", "--ignored", cwd=folder),
    )


def git_path(folder: Path, name: str) -> Path:
    """Give the place of something of git's own."""
    if (folder / ".git").is_dir():
        return folder / ".git" / name
    return Path(git("rev-parse", "--absolute-git-dir", cwd=folder), name)


def waits(folder: Path) -> bool:
    """Tell whether an update of a project waits for somebody."""
    return git_path(folder, "scaffold/state.json").exists()
