"""Compares `scaffold` with plain Copier: the same template, the same answers, in one run.

Absolute times mean nothing on a shared machine, so what is printed are ratios of medians over
interleaved runs of whole processes, with the bytecode of both compiled and their caches warm.

    python benchmarks/new.py [RUNS]
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

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]


def main(runs: int) -> int:
    """Print the ratios; exit 1 when one is over its limit or the projects differ."""
    for package in (copier, scaffold):
        compileall.compile_dir(str(Path(package.__file__ or "").parent), quiet=2)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        template = _repository(folder / "template")
        quick = ["--defaults", "--no-lock", "--no-git"]
        ok = _compare(
            "scaffold --version / copier --version", 0.25, runs,
            [[BIN / "scaffold", "--version"], [BIN / "copier", "--version"]], [],
        )  # fmt: skip
        ours, theirs = folder / "ours", folder / "theirs" / "my-service"
        ours.mkdir()
        ok &= _compare(
            "scaffold new --no-lock --no-git / copier copy", 0.5, runs,
            [
                [BIN / "scaffold", "new", "my-service", *quick, "--into", ours],
                [BIN / "copier", "copy", "--quiet", "--defaults", "--vcs-ref", "HEAD",
                 template, theirs],
            ],
            [ours / "my-service", theirs],
        )  # fmt: skip
        same = _files(ours / "my-service") == _files(theirs)
        print(f"{'the two projects are':<52}{'byte-identical' if same else 'DIFFERENT'}")
        return 0 if ok and same else 1


def _compare(
    what: str, limit: float, runs: int, commands: list[list[str | Path]], made: list[Path]
) -> bool:
    times: list[list[float]] = [[], []]
    for run in range(runs + 1):
        for path in made:
            shutil.rmtree(path, ignore_errors=True)
        for index, command in enumerate(commands):
            begin = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
            if run:  # the first run warms the caches
                times[index].append(time.perf_counter() - begin)
    ours, theirs = map(statistics.median, times)
    verdict = "" if ours / theirs <= limit else "  TOO SLOW"
    print(
        f"{what:<52}{ours / theirs:.2f} (limit {limit}; medians of {runs}: "
        f"{ours:.2f} s, {theirs:.2f} s){verdict}"
    )
    return ours / theirs <= limit


def _repository(folder: Path) -> Path:
    """Make the template's last commit a repository of its own, as plain Copier gets it."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def _files(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(folder)): (
            # the one line in which they must differ: each says where its template came from
            b"".join(
                line
                for line in path.read_bytes().splitlines(keepends=True)
                if not line.startswith(b"_src_path")
            ),
            os.access(path, os.X_OK),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
