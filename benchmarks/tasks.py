"""What of a deploy is ours: the tasks of this checkout beside those of an older commit.

On every host, both deploy in turns (old, new, old, new…) to stand-ins that answer at once, each to
those of its own tests, without a pause between looks. The figure that counts is processor time, of
all that a task starts but the stand-ins for vendors' commands: on a busy machine, the clock tells
of others.

    python benchmarks/tasks.py [ROUNDS] [COMMIT] [HOST…]

COMMIT is by default the last whose tasks are shell. OPS_PYTHON names a Python for tasks. Exits 1 if
a deploy takes more than it did there, or `ops/smoke --help` more than 0.1 s.
"""

from __future__ import annotations

import importlib
import io
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scaffold import project
from scaffold.template.answers import resolve
from scaffold.template.renderer import render

ROOT = Path(__file__).parents[1]
#: What went with the last tasks in shell.
WENT = "template/project/ops/lib/hosting.sh"
#: A deploy may take this much of what it took; and a help text so many seconds.
LIMIT, LIMIT_OF_HELP = 1.0, 0.1


def main(rounds: int, commit: str, hosts: list[str]) -> int:
    """Measure every host."""
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        tests = [Tests(Path(folder)), Tests(ROOT)]
        print(f"{'':16}     processor, s          clock, s   clock, s")
        print(f"{'':16}    old    new  ratio     old    new   help")
        for old, new in zip(*(each.vendors for each in tests), strict=True):
            if not hosts or new.hosting in hosts:
                ok &= _compare(tests, (old, new), rounds)
    return int(not ok)


def _shell() -> str:
    """Give the last commit whose tasks are shell."""
    last = ["git", "rev-list", "-1", "HEAD", "--", WENT]
    return subprocess.check_output(last, cwd=ROOT, text=True).strip() + "^"


class Tests:
    """The template and the stand-ins of a checkout, imported beside those of another."""

    def __init__(self, root: Path) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] in ("conftest", "vendors")]:
            del sys.modules[name]
        sys.path[:0] = [str(root / "tests"), str(root / "tests/support"), str(root / "tests/hosts")]
        self.vendors = importlib.import_module("vendors").VENDORS
        self._template = importlib.import_module("conftest").TEMPLATE
        self._base = importlib.import_module("vendors.base")

    def machine(self, vendor: Any, home: Path) -> Any:
        """Set a machine up, whose stand-ins for commands write down what they took."""
        home.mkdir()

        def rendered(**answers: Any) -> Path:
            files = render(self._template, resolve(self._template, answers))
            project.write(files, home / "service")
            return home / "service"

        at = self._base.Machine.new(vendor, rendered, home)
        if os.environ.get("OPS_PYTHON") and not (at.bin / "python3").exists():
            (at.bin / "python3").symlink_to(os.environ["OPS_PYTHON"])
        note = f'import time; open("{home}/took", "a").write(f"{{time.process_time()}}\\n")\n'
        for name in vendor.commands:
            script = at.bin / name
            script.write_text(script.read_text().replace("sys.exit(", f"{note}sys.exit("))
        return at


def _compare(tests: list[Tests], kinds: tuple[Any, Any], rounds: int) -> bool:
    """Deploy in turns. The first deploy finds no record of another, and warms the caches."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        machines = []
        for name, each, kind in zip(("old", "new"), tests, kinds, strict=True):
            vendor = kind()
            stack.enter_context(vendor.serving())
            machines.append(each.machine(vendor, Path(folder, name)))
        taken: list[list[tuple[float, float]]] = [[], []]
        for number in range(rounds + 1):
            for at, times in zip(machines, taken, strict=True):
                at.commit(f"v1.{number}.0")
                times.append(_taken(at, "ops/deploy", "live"))
        helped = statistics.median(_taken(at, "ops/smoke", "--help")[1] for _ in range(rounds))
    (old, old_clock), (new, new_clock) = (
        map(statistics.median, zip(*times[1:], strict=True)) for times in taken
    )
    verdict = "" if new <= old * LIMIT else "  TOO SLOW"
    verdict += "" if helped <= LIMIT_OF_HELP else "  HELP TOO SLOW"
    print(
        f"{kinds[1].title:16} {old:6.3f} {new:6.3f} {new / old:6.2f}  {old_clock:6.3f} "
        f"{new_clock:6.3f} {helped:6.3f}{verdict}", flush=True,
    )  # fmt: skip
    return not verdict


def _taken(at: Any, *command: str) -> tuple[float, float]:
    """Give what a command took that has to succeed: of processors, and by the clock."""
    note = at.bin.parent / "took"
    note.write_text("")
    used, began = _used(), time.perf_counter()
    done = at.run(*command)
    clock, used = time.perf_counter() - began, _used() - used
    if done.returncode:
        sys.exit(done.stderr)
    return used - sum(map(float, note.read_text().split())), clock


def _used() -> float:
    """Give the processor time of the children that ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    known = ("fly", "render", "vercel", "netlify", "railway", "digitalocean", "ecs", "heroku")
    numbers = [each for each in sys.argv[1:] if each.isdigit()]
    commits = [each for each in sys.argv[1:] if each not in (*known, *numbers)]
    sys.exit(
        main(
            int((numbers or ["5"])[0]),
            (commits or [_shell()])[0],
            [each for each in sys.argv[1:] if each in known],
        )
    )
