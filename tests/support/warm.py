"""The command line in a process of its own, without the time that Python takes to start.

A process that has imported the command line, and did nothing else, forks for every call.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

import scaffold


def run(*args: str, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command line, to which nobody can answer."""
    command = [sys.executable, "-m", "scaffold", *args]
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        os.umask(mask := os.umask(0))  # which can only be read so
        call: dict[str, object] = {"args": args, "cwd": str(cwd), "env": {**env}, "mask": mask}
        call["streams"] = [str(out), str(err)]
        server = started()
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps(call) + "\n")
        server.stdin.flush()
        code, seconds = server.stdout.readline().split()
        spent["seconds"] += float(seconds)
        return subprocess.CompletedProcess(command, int(code), out.read_text(), err.read_text())


#: What the calls cost, in seconds of a processor: they are no children of this process.
spent = {"seconds": 0.0}


@cache
def started() -> subprocess.Popen[str]:
    """Give the process that forks, one for each process of tests; it ends with that one."""
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)  # which closes what it reads, so that it ends
    return server


def serve() -> None:
    """Fork for each call that is read, and tell how it ended."""
    for module in pkgutil.walk_packages(scaffold.__path__, "scaffold."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # what takes the time
    for name in ("typer._adapters", "typer.rich_utils"):  # imported with the first option, or help
        with suppress(ImportError):
            importlib.import_module(name)
    calls, told = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while line := calls.readline():
        if not (child := os.fork()):
            calls.close()
            told.close()
            become(**json.loads(line))
        _, status, used = os.wait4(child, 0)
        told.write(f"{os.waitstatus_to_exitcode(status)} {used.ru_utime + used.ru_stime}\n")
        told.flush()


def become(
    args: list[str], cwd: str, env: dict[str, str], mask: int, streams: list[str]
) -> NoReturn:
    """Be the command line."""
    from scaffold import cli  # noqa: PLC0415 (what only a process that forks is to import)

    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.umask(mask)
    os.chdir(cwd)
    os.environ.clear()
    os.environ |= env
    sys.argv = ["scaffold", *args]
    sys.path[0] = cwd
    code = 1
    try:
        cli.main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 (as Python ends)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
