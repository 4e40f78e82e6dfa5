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
    for package in (copier, scaffold):  # each with what it is installed beside
        compileall.compile_dir(str(Path(package.__file__ or "").parents[1]), quiet=2)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        repository, plain = folder / "repository", folder / "plain"
        subprocess.run(["git", "clone", "--quiet", ROOT, repository], check=True)
        shutil.copytree(repository / "template", plain / "template")
        shutil.copy(repository / "copier.yml", plain)
        ok = _compare(
            "scaffold --version / copier --version", 0.25, runs,
            [[BIN / "scaffold", "--version"], [BIN / "copier", "--version"]], [],
        )  # fmt: skip
        ours, theirs = folder / "my-service", folder / "theirs"
        new: list[str | Path] = [
            BIN / "scaffold",
            "new",
            "my-service",
            "--no-lock",
            "--no-git",
            "--into",
            folder,
        ]
        sources: dict[str, list[str | Path]] = {
            "repository": [repository, "--vcs-ref", "HEAD"],
            "folder": [plain],
        }
        for what, source in sources.items():
            ok &= _compare(
                f"scaffold new --no-lock --no-git / copier copy of a {what}", 0.5, runs,
                [new, [BIN / "copier", "copy", "--quiet", "--defaults", *source, theirs]],
                [ours, theirs],
            )  # fmt: skip
            same = _files(ours) == _files(theirs)
            print(f"  the two projects are {'byte-identical' if same else 'DIFFERENT'}")
            ok &= same
        return 0 if ok else 1


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
        f"{what:<64}{ours / theirs:.2f} (limit {limit}; medians of {runs}: "
        f"{ours:.2f} s, {theirs:.2f} s){verdict}"
    )
    return ours / theirs <= limit


def _files(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(folder)): (
            # All but where each template came from, which differs by what is compared.
            b"".join(
                line
                for line in path.read_bytes().splitlines(keepends=True)
                if not line.startswith((b"_src_path", b"_commit"))
            ),
            os.access(path, os.X_OK),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
