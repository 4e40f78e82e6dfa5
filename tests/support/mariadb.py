"""MariaDB, which stands in for MySQL, on a free port of loopback: Debian's mariadb-server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from conftest import memory
from ports import free_port
from postgres import told
from sql import Sql

#: The server is not in the path of everybody.
SERVER = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin") or "mariadbd"
#: Durability is not what tests wait for, except of those that ask.
FAST = ("--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite")
MEMBER = ["--no-defaults", "--skip-name-resolve", "--innodb-buffer-pool-size=64M", "--pid-file=pid"]
#: Who connects: to the databases of the tests, whatever they are called.
OWNER = """
create database app character set utf8mb4 collate utf8mb4_bin;
create user app@'127.0.0.1' identified by 'secret';
grant all on *.* to app@'127.0.0.1';
"""


@dataclass
class MariaDB(Sql):
    """A server, and how it is started, stopped and killed."""

    folder: Path
    port: int
    options: tuple[str, ...]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"mysql://app:secret@127.0.0.1:{self.port}/app"

    def start(self) -> None:
        """Have it run, and wait until it answers."""
        where = [f"--datadir={self.folder / 'data'}", f"--socket={self.folder / 'socket'}"]
        # Not pytest's folder, which is not for everybody.
        where.append(f"--tmpdir={self.folder}")
        command = [SERVER, *MEMBER, *where, f"--port={self.port}", "--bind-address=127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            self.running = [
                subprocess.Popen([*command, *user(), *self.options], stdout=log, stderr=log)
            ]
        deadline = time.monotonic() + 60
        while self._client("select 1").returncode:
            ended = self.running[0].poll() is not None
            assert not ended, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        """Have it end what is under way, and stop."""
        self.running[0].terminate()
        self.running[0].wait(timeout=60)

    def kill(self) -> None:
        """End it as by `kill -9`."""
        self.running[0].kill()
        self.running[0].wait(timeout=60)

    def run(self, sql: str, database: str = "app") -> str:
        """Run SQL as root; give what it prints, without headings."""
        done = self._client(sql, database)
        assert not done.returncode, done.stderr
        return done.stdout.strip()

    def create(self, database: str) -> None:
        """Have a database, in which there is nothing."""
        self.run(f"create database {database}")

    def connections(self, database: str, *, busy: bool = False) -> int:
        """Count those of services to a database."""
        among = " and command <> 'Sleep'" if busy else ""
        ours = f"user = 'app' and db = '{database}'{among}"
        return int(self.run(f"select count(*) from information_schema.processlist where {ours}"))  # noqa: S608

    @contextmanager
    def locked(self, database: str) -> Iterator[None]:
        """Have every statement about notes wait."""
        command = [*self._command(), "--unbuffered", database]
        with told(command, "lock tables notes write; select 'locked';\n", "locked\n"):
            yield

    @contextmanager
    def with_tls(self, key: Path, crt: Path) -> Iterator[int]:
        """Have it speak TLS until the end; give its port."""
        before = self.options
        for file in (key, crt):
            shutil.copy(file, self.folder)
            (self.folder / file.name).chmod(0o644)
        ours = (f"--ssl-key={self.folder / key.name}", f"--ssl-cert={self.folder / crt.name}")
        try:
            self._again((*before, *ours))
            yield self.port
        finally:
            self._again(before)

    def _again(self, options: tuple[str, ...]) -> None:
        self.stop()
        self.options = options
        self.start()

    def _command(self) -> list[str | Path]:
        socket = f"--socket={self.folder / 'socket'}"
        return ["mariadb", "--no-defaults", socket, "--user=root", "--batch", "--skip-column-names"]

    def _client(self, sql: str, *database: str) -> subprocess.CompletedProcess[str]:
        command = [*self._command(), *database]
        return subprocess.run(command, input=sql, capture_output=True, text=True, check=False)


def user() -> list[str]:
    """Give whom it is to run as, which is not root."""
    return [] if os.getuid() else ["--user=nobody"]


@contextmanager
def mariadb(*options: str, fast: bool = True) -> Iterator[MariaDB]:
    """Give a server that runs until the end, with these options."""
    # Not below pytest's folder, which nobody else may enter; and a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="mariadb-", dir=memory()))
    server = MariaDB(folder, free_port(), (*(FAST if fast else ()), *options))
    try:
        if not os.getuid():
            shutil.chown(folder, "nobody")
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={folder / 'data'}", *user()]
        quiet = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        temporary = {**os.environ, "TMPDIR": str(folder)}
        subprocess.run([*install, *quiet], check=True, capture_output=True, env=temporary)
        server.start()
        server.run(OWNER, "mysql")
        yield server
    finally:
        for running in server.running:
            running.kill()
            running.wait()
        shutil.rmtree(folder, ignore_errors=True)
