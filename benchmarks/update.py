"""Compares `scaffold update` with `copier update`: the same step of the same project, in one run.

Absolute times mean nothing on a shared machine, so what is printed are ratios of medians over
interleaved runs of whole processes, with the bytecode of both compiled and their caches warm.

    python benchmarks/update.py [RUNS] [PROJECTS]
"""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import copier

import scaffold
from scaffold import project
from scaffold.template.answers import resolve
from scaffold.template.renderer import render
from scaffold.template.source import opened

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
#: One process over many projects may take this much of as many runs of Copier's.
LIMIT, LIMIT_OF_MANY = 0.25, 0.1
#: Fifty projects may need this much of the memory that ten need.
MEMORY = 1.25

os.environ |= {
    "GIT_AUTHOR_NAME": "A Developer",
    "GIT_AUTHOR_EMAIL": "developer@example.com",
    "GIT_COMMITTER_NAME": "A Developer",
    "GIT_COMMITTER_EMAIL": "developer@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def main(runs: int, projects: int) -> int:
    """Print the ratios; exit 1 when one is over its limit or the results differ."""
    for package in (copier, scaffold):  # each with what it is installed beside
        compileall.compile_dir(str(Path(package.__file__ or "").parents[1]), quiet=2)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        template = _template(folder / "template")
        ok = _one(folder, template, runs)
        return 0 if _many(folder, template, projects) and ok else 1


def _template(folder: Path) -> Path:
    """Make a repository of this template with a version after the present one."""
    folder.mkdir()
    shutil.copytree(ROOT / "template", folder / "template")
    shutil.copy(ROOT / "copier.yml", folder)
    _git("init", "--quiet", "--initial-branch=main", cwd=folder)
    _commit(folder, "v1.0.0")
    files = folder / "template/project"
    readme = files / "README.md.jinja"
    readme.write_text(readme.read_text().replace("## Runbook", "## Runbook of {{ owner }}"))
    (files / "NEW.md.jinja").write_text("# New in {{ project_name }}\n")
    (files / "ops/smoke").rename(files / "ops/check")
    _commit(folder, "v1.1.0")
    return folder


def _one(folder: Path, template: Path, runs: int) -> bool:
    """Update one project of the default profile again and again."""
    made = [_project(folder / name / "my-service", template) for name in ("ours", "theirs")]
    commands: list[list[str | Path]] = [
        [BIN / "scaffold", "update", made[0]],
        [BIN / "copier", "update", "--quiet", "--defaults", made[1]],
    ]
    times: list[list[float]] = [[], []]
    for run in range(runs + 1):
        for index, command in enumerate(commands):
            _git("reset", "--quiet", "--hard", cwd=made[index])
            _git("clean", "--quiet", "-fd", cwd=made[index])
            begin = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
            if run:  # the first run warms the caches
                times[index].append(time.perf_counter() - begin)
    same = _files(made[0]) == _files(made[1])
    print(f"the two results are {'byte-identical' if same else 'DIFFERENT'}")
    ours, theirs = map(statistics.median, times)
    return _verdict("scaffold update / copier update", ours, theirs, LIMIT) and same


def _many(folder: Path, template: Path, projects: int) -> bool:
    """Update many projects of one repository in one process; Copier one after the other."""
    seconds = 0.0
    for number in range(projects):
        made = _project(folder / f"theirs-{number}", template)
        begin = time.perf_counter()
        subprocess.run(
            [BIN / "copier", "update", "--quiet", "--defaults", made],
            check=True, capture_output=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        seconds += time.perf_counter() - begin
    few, _ = _all(folder / "few", template, projects // 5)
    memory, took = _all(folder / "many", template, projects)
    ok = _verdict(
        f"scaffold update --all / copier update, {projects} projects", took, seconds, LIMIT_OF_MANY
    )
    flat = memory / few <= MEMORY
    print(
        f"memory with {projects} projects / with {projects // 5}: {memory / few:.2f} "
        f"(limit {MEMORY}; {memory // 1024} MiB){'' if flat else '  NOT FLAT'}"
    )
    return ok and flat


def _all(monorepo: Path, template: Path, projects: int) -> tuple[int, float]:
    """Update every project of a repository; give the peak memory (KiB) and the time (s)."""
    for number in range(projects):
        _render(monorepo / f"service-{number}", template)
    _git("init", "--quiet", cwd=monorepo)
    _git("add", "--all", "--force", cwd=monorepo)
    _git("commit", "--quiet", "--message", "start", cwd=monorepo)
    begin = time.perf_counter()
    process = subprocess.Popen(
        [BIN / "scaffold", "update", "--all", monorepo], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("scaffold update --all failed")
    return usage.ru_maxrss, took


def _project(folder: Path, template: Path) -> Path:
    _render(folder, template)
    _git("init", "--quiet", cwd=folder)
    _git("add", "--all", "--force", cwd=folder)
    _git("commit", "--quiet", "--message", "start", cwd=folder)
    return folder


def _render(folder: Path, template: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with opened(str(template), "v1.0.0") as source:
        project.write(render(source, resolve(source, {"project_name": folder.name})), folder)


def _verdict(what: str, ours: float, theirs: float, limit: float) -> bool:
    ok = ours / theirs <= limit
    print(
        f"{what:<64}{ours / theirs:.3f} (limit {limit}; {ours:.2f} s, {theirs:.2f} s)"
        f"{'' if ok else '  TOO SLOW'}"
    )
    return ok


def _commit(folder: Path, tag: str) -> None:
    _git("add", "--all", cwd=folder)
    _git("commit", "--quiet", "--message", tag, cwd=folder)
    _git("tag", tag, cwd=folder)


def _git(*args: str, cwd: Path) -> None:
    subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True)


def _files(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[1:]]
    sys.exit(main(*[*numbers, *(9, 50)[len(numbers) :]]))
