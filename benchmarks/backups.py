"""A backup and a restore, beside PostgreSQL's programs with age and boto3 in a pipe of the shell.

    python benchmarks/backups.py [MEGABYTES]

Dumps, encrypts, uploads and counts a database of MEGABYTES (100; 1000 is what the limit is for),
with a server and a bucket on this machine. Prints seconds by the clock, also those of the program
alone with a file, and the memory of the task with all that it starts. Exits 1 above 1.3 times
either, or above 100 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / place) for place in ("tests", "tests/support", "tests/hosts")]

from bucket import bucket  # noqa: E402
from conftest import rendered  # noqa: E402
from postgres import BIN, postgres  # noqa: E402

from scaffold import project  # noqa: E402

RATIO, MEMORY = 1.3, 100
#: Nothing of it is counted, and nobody compares what came back.
PIPES = {
    "dump": 'pg_dump -Fc "$DATABASE_URL" | age -r "$BACKUP_RECIPIENT" | "$0" -c "$1" >&2',
    "restore": '"$0" -c "$1" | age -d -i identity | pg_restore --exit-on-error -d "$2"',
}
S3 = """
import os, shutil, sys, boto3
it = boto3.client(
    "s3", endpoint_url=os.environ["BACKUP_ENDPOINT"], region_name="us-east-1",
    aws_access_key_id=os.environ["BACKUP_ACCESS_KEY_ID"],
    aws_secret_access_key=os.environ["BACKUP_SECRET_ACCESS_KEY"],
    config=boto3.session.Config(
        s3={"addressing_style": "path"}, request_checksum_calculation="when_required"
    ),
)
"""
PUT = f'{S3}it.upload_fileobj(sys.stdin.buffer, "backups", "pipe")'
GET = f"""{S3}
body = it.get_object(Bucket="backups", Key="pipe")["Body"]
shutil.copyfileobj(body, sys.stdout.buffer)
"""
#: All take turns, and the least counts: what else the machine does only adds to it.
TURNS = 3
ANSWERS = (("stack", "node"), ("ci", "github"), ("hosting", "fly"), ("database", "supabase"))
CONTENT = """
create table notes (id uuid primary key, title text unique, body text, created_at timestamptz);
insert into notes select gen_random_uuid(), 'note ' || i,
  (select string_agg(md5(random()::text || i || j), ' ') from generate_series(1, 10) j), now()
from generate_series(1, {rows}) i
"""


def memory(pid: int) -> float:
    """Give the megabytes of a process and of those that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)
    return own / 1024 + sum(memory(int(child)) for child in children)


def timed(*command: str | Path, **options: object) -> tuple[float, float, str]:
    """Run a program; give its seconds, its megabytes at most, and what it prints."""
    began, most = time.monotonic(), [0.0]
    with subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    ) as process:
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.05):
                try:
                    most[0] = max(most[0], memory(process.pid))
                except OSError:
                    continue

        watcher = threading.Thread(target=watch)
        watcher.start()
        said = process.communicate()[0]
        ended.set()
        watcher.join()
        if process.returncode:
            sys.exit(f"{command[0]} failed")
    return time.monotonic() - began, most[0], said


def main() -> int:
    """Measure both."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as scratch, postgres() as server, bucket() as there:
        folder = Path(scratch)
        project.write(rendered(*ANSWERS), folder)
        server.run("create database big")
        server.run(CONTENT.format(rows=megabytes * 1900), "big")
        keys = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout
        url = server.url.rpartition("/")[0]
        told = {
            **os.environ,
            **there.settings(),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "DATABASE_URL": f"{url}/big",
            "BACKUP_RECIPIENT": next(word for word in keys.split() if word.startswith("age1")),
            "BACKUP_IDENTITY": keys.split()[-1],
        }
        told.pop("CI", None)
        dump = folder / "alone.dump"
        task: dict[str, object] = {"cwd": folder, "env": told}
        (folder / "identity").write_text(told["BACKUP_IDENTITY"])
        shell = ("sh", "-c")
        dumps = Taken("backup"), Taken("restore")
        back, forth = dumps
        for turn in range(TURNS):
            dump.unlink(missing_ok=True)
            back.alone.append(timed(BIN / "pg_dump", "-Fc", f"--file={dump}", f"{url}/big"))
            back.piped.append(timed(*shell, PIPES["dump"], sys.executable, PUT, **task))
            back.ours.append(timed("ops/backup", "local", **task))
            name = back.ours[-1][2].strip()
            for kind in ("alone", "piped"):
                server.run(f"create database {kind}{turn}")
            into = f"--dbname={url}/alone{turn}"
            forth.alone.append(timed(BIN / "pg_restore", "--exit-on-error", into, dump))
            pipe = (*shell, PIPES["restore"], sys.executable, GET, f"{url}/piped{turn}")
            forth.piped.append(timed(*pipe, **task))
            forth.ours.append(timed("ops/restore", "local", name, "--into", f"ours{turn}", **task))
            for kind in ("alone", "piped", "ours"):
                server.run(f"drop database {kind}{turn}")
    within = [each.shown() for each in dumps]
    return int(not all(within))


@dataclass
class Taken:
    """What it took, each time."""

    what: str
    alone: list[tuple[float, float, str]] = field(default_factory=list)
    piped: list[tuple[float, float, str]] = field(default_factory=list)
    ours: list[tuple[float, float, str]] = field(default_factory=list)

    def shown(self) -> bool:
        """Print how they compare, and say whether that is well."""
        each = (self.alone, self.piped, self.ours)
        alone, piped, ours = (min(seconds for seconds, *_ in them) for them in each)
        most = max(megabytes for _, megabytes, _ in self.ours)
        print(
            f"{self.what}: ours {ours:.1f} s, {ours / piped:.2f} of the pipe's {piped:.1f} s, "
            f"{ours / alone:.2f} of {alone:.1f} s of the program alone; {most:.0f} MB"
        )
        return ours / min(alone, piped) <= RATIO and most <= MEMORY


if __name__ == "__main__":
    sys.exit(main())
