"""What `ops/migrate` takes where nothing is to be done, beside dbmate alone.

    python benchmarks/migrations.py [RUNS]

Prints medians of RUNS (15) in seconds by the clock, in turns, of PostgreSQL and of MariaDB on this
machine. Exits 1 if `ops/migrate local` takes more than 0.3 s longer than `dbmate status`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / place) for place in ("tests", "tests/support")]

from conftest import rendered  # noqa: E402
from mariadb import MariaDB, mariadb  # noqa: E402
from postgres import Postgres, postgres  # noqa: E402

from scaffold import project  # noqa: E402

LIMIT = 0.3
HOME = {name: os.environ[name] for name in ("HOME", "PATH")}
ALONE = ["--env-file=/dev/null", "--no-dump-schema", "--migrations-dir=db/migrations", "status"]
SERVERS: dict[str, AbstractContextManager[Postgres | MariaDB]] = {
    "supabase": postgres(),
    "planetscale": mariadb(),
}


def main() -> int:
    """Measure both."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    dbmate = shutil.which("dbmate") or sys.exit("dbmate is missing")
    worst = 0.0
    for database, serving in SERVERS.items():
        with tempfile.TemporaryDirectory() as scratch, serving as server:
            folder = Path(scratch)
            answers = {"stack": "node", "ci": "github", "hosting": "fly", "database": database}
            project.write(rendered(*answers.items()), folder)
            # There is no TLS on this machine, which ops/migrate knows of `local`.
            told = {"DATABASE_URL": server.url, "PGSSLMODE": "disable", **HOME}
            tasks = (["ops/migrate", "local"], [dbmate, *ALONE])
            subprocess.run(tasks[0], cwd=folder, env=told, check=True)  # applies what there is
            took = [[seconds(task, folder, told) for task in tasks] for _ in range(runs)]
        ours, alone = map(statistics.median, zip(*took, strict=True))
        print(f"{database}: {ours:.3f} s, dbmate alone {alone:.3f} s, {ours - alone:.3f} s more")
        worst = max(worst, ours - alone)
    return int(worst > LIMIT)


def seconds(task: list[str], folder: Path, told: dict[str, str]) -> float:
    """Run it, which has to succeed, and give what it took."""
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(task, cwd=folder, env=told, check=True, stdout=quiet, stderr=quiet)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
