"""The tasks in ops/, each run in dash and in busybox's ash.

Those that reach a platform are in tests/hosts; test_image_tasks.py has real registries.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import TEMPLATE, Bench, answering, run_tasks_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Call, Render

SECRET = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)
TASKS = [
    "alerts",
    "bootstrap",
    "build",
    "ci",
    "deploy",
    "dev",
    "flag",
    "help",
    "lint",
    "publish",
    "release",
]
TASKS += ["releases", "rollback", "scan", "setup", "smoke", "test"]
# What a minimal machine has; the tasks name everything else they need.
BASICS = (
    "awk cat cut date dirname env grep head mkdir mktemp mv python3 rm sed sh sleep sort tail tar"
)

REGISTRY = {
    "IMAGE_REPOSITORY": "registry.example.com/team/service",
    "REGISTRY_USER": "robot",
    "REGISTRY_PASSWORD": SECRET,
}
#: A row of ops/lib/tools.txt: tool, machine, SHA-256, address and name in the archive.
ROW = re.compile(r"^([a-z-]+) (\S+) ([0-9a-f]+) (https://\S+) (\S+)$", re.MULTILINE)
FLY_ROW = re.compile(ROW.pattern.replace("[a-z-]+", "fly"), re.MULTILINE)


@dataclass
class Service:
    """What is deployed: it reports the commit that the platform runs."""

    running: Callable[[], str]
    sick: set[str] = field(default_factory=set)
    unready: set[str] = field(default_factory=set)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Answer a health check."""
        commit = self.running()
        if path == "/healthz":
            status = "down" if commit in self.sick else "ok"
            return 200, {"status": status, "commit": commit}
        return (503, {"missing": ["database"]}) if commit in self.unready else (200, {})


@dataclass
class Ops(Bench):
    """A rendered project in a git repository, with the machine its tasks run on."""

    shell: list[str]
    service: Service
    #: Where the service answers.
    url: str
    limit = 30

    def bare(self, without: str = "") -> str:
        """Return a PATH with nothing but the basics."""
        folder = self.bin.parent / "basics"
        folder.mkdir()
        for name in {*BASICS.split()} - {without}:
            (folder / name).symlink_to(shutil.which(name) or name)
        return str(folder)


@pytest.fixture(params=["dash", pytest.param("busybox", marks=pytest.mark.slow)])
def shell(request: pytest.FixtureRequest) -> list[str]:
    found = shutil.which(request.param)
    if not found:
        pytest.skip(f"needs {request.param}")
    return [found, "sh"] if request.param == "busybox" else [found]


@pytest.fixture
def ops(render: Render, tmp_path: Path, shell: list[str]) -> Iterator[Callable[..., Ops]]:
    """Give a function that sets up a project; `fly` only writes down how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    service = Service(lambda: "none")

    def reply(call: Call) -> tuple[int, bytes]:
        status, answer = service.answer(call.path)
        return status, json.dumps(answer).encode()

    def ops(hosting: str = "fly", ci: str = "github", **answers: str) -> Ops:
        project = render(stack="node", ci=ci, hosting=hosting, **answers)
        run_tasks_in(" ".join(shell), project)
        environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "SMOKE_TIMEOUT": "0",
            "POLL_INTERVAL": "0",
            "RETRY_DELAY": "0",
            "FLY_API_TOKEN": SECRET,
            "RENDER_API_KEY": SECRET,
            "RENDER_SERVICE_ID": "srv-1",
            "RENDER_API_URL": url,
            **REGISTRY,
        }
        made = Ops(project, environment, folder, shell, service, url)
        made.stub("fly")
        made.init()
        return made

    with answering(reply) as url:
        yield ops


# What every task keeps to


@pytest.mark.parametrize("hosting", ["fly", "render"])
def test_help_is_the_header_of_the_task(
    ops: Callable[..., Ops], hosting: str, tmp_path: Path
) -> None:
    at = ops(hosting)
    for task in TASKS:
        done = at.run(str(at.project / "ops" / task), "--help", cwd=tmp_path)
        header = (at.project / "ops" / task).read_text().split("\nset -eu\n")[0].splitlines()[1:]
        assert done.returncode == 0, done.stderr
        assert done.stdout == "".join(f"{line[2:]}\n" for line in header)
        assert done.stdout.startswith(f"Usage: ops/{task}")


def test_help_lists_every_task_under_the_name_and_description(ops: Callable[..., Ops]) -> None:
    at = ops(description='It\'s "$HOME" \\n `x`\nand % on a second line')
    done = at.run("ops/help")
    assert done.stdout.startswith(
        'my-service: It\'s "$HOME" \\n `x`\nand % on a second line\n\nops/alerts'
    )
    for task in TASKS:
        assert f"\nops/{task} " in done.stdout or f"\nops/{task}\n" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "deploy",
        "deploy production",
        "deploy live HEAD again",
        "rollback",
        "rollback production",
        "rollback live v1.0.0 v1.1.0",
        "releases",
        "releases production",
        "releases live now",
        "bootstrap",
        "bootstrap production",
        "bootstrap live --force",
        "smoke",
        "smoke localhost:3000",
        "smoke http://localhost abc def",
        "release huge",
        "release 1.2",
        "release 1.2.3b",
        "release 01.2.3",
        "release minor 1.2.3 --rc",
        "release minor minor",
        "release --rc --rc",
        "setup --force",
        "lint --fix",
        "test one",
        "dev twice",
        "build image",
        "ci all",
        "publish all",
        "scan all",
        "scan --image all",
        "scan --staged all",
        "scan --staged --image",
        "help me",
        "flag",
        "flag production",
        "flag live list on",
        "flag live notes-preview",
        "flag live notes-preview maybe",
        "flag live --check",
    ],
)
def test_wrong_usage_is_told_in_two_lines(ops: Callable[..., Ops], command: str) -> None:
    task, *arguments = command.split()
    at = ops()
    done = at.run(f"ops/{task}", *arguments)
    assert done.returncode == 2, done.stderr
    said, hint = done.stderr.splitlines()
    assert said.startswith(f"{task}: ")
    assert hint == f"Run 'ops/{task} --help' for its usage."
    assert not done.stdout
    assert not (at.bin.parent / "fly.log").read_text()


@pytest.mark.parametrize(
    ("hosting", "command", "names"),
    [
        ("fly", "deploy live", f"git fly FLY_API_TOKEN skopeo {' '.join(REGISTRY)}"),
        ("fly", "rollback live", "git fly FLY_API_TOKEN"),
        ("fly", "releases live", "git fly FLY_API_TOKEN"),
        ("fly", "bootstrap live", "git fly FLY_API_TOKEN"),
        ("render", "rollback live", "git RENDER_API_KEY RENDER_SERVICE_ID"),
        ("render", "bootstrap live", "git RENDER_API_KEY"),
        ("fly", "release", "git node npm"),
        ("fly", "publish", f"git skopeo {' '.join(REGISTRY)} .cache/image.tar"),
        ("fly", "setup", "node npm"),
        ("fly", "lint", "node npm"),
        ("fly", "test", "node npm"),
        ("fly", "scan", "node npm gitleaks hadolint"),
        ("fly", "scan --staged", "gitleaks"),
        ("fly", "scan --image", "node npm gitleaks hadolint osv-scanner .cache/image.tar"),
        ("fly", "build --image", "node npm git docker"),
    ],
)
def test_everything_missing_is_named_at_once(
    ops: Callable[..., Ops], hosting: str, command: str, names: str
) -> None:
    at = ops(hosting)
    for name in ("FLY_API_TOKEN", "RENDER_API_KEY", "RENDER_SERVICE_ID", *REGISTRY):
        at.environment.pop(name, None)
    done = at.run(*f"ops/{command}".split(), PATH=at.bare())
    settings = [name for name in names.split() if name.isupper()]
    assert done.returncode == (2 if settings else 3), done.stderr
    _, *lines = done.stderr.splitlines()
    if settings and command != "publish":
        assert lines.pop().startswith("  settings are kept in Settings → Environments of the")
    assert sorted(line.split(":")[0].split()[0] for line in lines) == sorted(names.split())
    assert all(len(line.split(": ", 1)[1]) > 10 for line in lines), "each says how to get it"


#: What git may run hooks for, `reference-transaction` aside.
HOOKED = {"am", "checkout", "clone", "commit", "gc", "merge", "pull", "push", "rebase", "switch"}
HOOKED_SHELL = re.compile(rf"^[^#\n]*\bgit ([^|;]* )?({'|'.join(HOOKED)})\b", re.MULTILINE)


def test_no_task_but_the_one_that_makes_the_teams_own_commit_runs_its_hooks() -> None:
    """Red tests must not stop a rollback; tests/hosts/test_record.py tries what `Git.away` is."""
    files = [path for path in TEMPLATE.files_root.rglob("*") if "ops" in path.parts]
    scripts = [path for path in files if path.is_file() and path.suffix != ".py"]
    assert not [path for path in scripts if HOOKED_SHELL.search(path.read_text("utf-8"))]
    hooked = {
        (path.name, word.value)
        for path in files
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") != "get"
        for word in node.args
        if isinstance(word, ast.Constant) and word.value in HOOKED
    }
    throwaway = ("selftest.py", "commit")
    assert hooked == {("git.py", "push"), ("release.py", "commit"), throwaway}


def test_without_python_one_line_says_so(ops: Callable[..., Ops]) -> None:
    at = ops()
    done = at.run("ops/deploy", "live", PATH=at.bare(without="python3"))
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "deploy: cannot start without",
        "  python3: Python 3.9 or newer; install it with apt-get, apk or brew",
    ]


# smoke


def test_smoke_wants_health_commit_and_readiness(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.service.running = lambda: "abc"
    assert at.run("ops/smoke", at.url).returncode == 0
    assert at.run("ops/smoke", f"{at.url}/", "abc").returncode == 0

    other = at.run("ops/smoke", at.url, "def")
    assert other.returncode == 1
    assert '"commit": "abc"' in other.stderr

    at.service.unready = {"abc"}
    unready = at.run("ops/smoke", at.url, "abc").stderr
    assert "503" in unready
    assert '"missing": ["database"]' in unready
    at.service.sick = {"abc"}
    sick = at.run("ops/smoke", at.url, "abc")
    assert sick.returncode == 1
    assert '"status": "down"' in sick.stderr


def test_smoke_shows_the_beginning_of_a_long_answer(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.service.running = lambda: "abc" * 1000
    assert '"status": "ok"' in (said := at.run("ops/smoke", at.url, "def").stderr)
    assert len(said) < 700


def test_smoke_waits_for_a_slow_start(ops: Callable[..., Ops]) -> None:
    at = ops()
    answers = iter(["old", "old", *["new"] * 9])
    at.service.running = lambda: next(answers)
    done = at.run("ops/smoke", at.url, "new", SMOKE_TIMEOUT="20")
    assert done.returncode == 0, done.stderr


# What deploys and rollbacks ask first


@pytest.mark.parametrize(
    "command", ["deploy live", "rollback live v1.0.0", "release", "build --image"]
)
def test_outside_a_repository_one_line_says_so(ops: Callable[..., Ops], command: str) -> None:
    at = ops()
    at.stub("npm")
    shutil.rmtree(at.project / ".git")
    at.environment["GIT_CEILING_DIRECTORIES"] = str(at.project.parent)
    done = at.run(*f"ops/{command}".split())
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert "not a git repository" in said
    assert not (at.bin.parent / "fly.log").read_text()


@pytest.mark.parametrize("command", ["deploy live no-such-ref", "rollback live v9.9.9"])
@pytest.mark.parametrize("hosting", ["fly", "render"])
def test_an_unknown_ref_calls_nothing(ops: Callable[..., Ops], hosting: str, command: str) -> None:
    at = ops(hosting)
    at.commit("v1.0.0")
    at.stub("curl")
    done = at.run(*f"ops/{command}".split())
    assert done.returncode == 2
    assert f"no commit '{command.rsplit(maxsplit=1)[-1]}'" in done.stderr
    assert not (at.bin.parent / "fly.log").read_text()
    assert not (at.bin.parent / "curl.log").read_text()


# Tools


def archive(content: bytes) -> bytes:
    """Return a .tar.gz with one executable file, `flyctl`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("flyctl")
        member.size, member.mode = len(content), 0o755
        tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("genuine", [True, False])
def test_ci_gets_the_pinned_tool_or_none(
    ops: Callable[..., Ops], tmp_path: Path, *, genuine: bool
) -> None:
    at = ops()
    stub = at.bin / "fly"
    packed = archive(stub.read_bytes())
    stub.unlink()
    tools = at.project / "ops/lib/tools.txt"
    for _, _, _, address, _ in FLY_ROW.findall(tools.read_text()):
        mirrored = tmp_path / "mirror" / address.removeprefix("https://")
        mirrored.parent.mkdir(parents=True, exist_ok=True)
        mirrored.write_bytes(packed)
    if genuine:
        digest = hashlib.sha256(packed).hexdigest()
        tools.write_text(FLY_ROW.sub(rf"\1 \2 {digest} \4 \5", tools.read_text()))
    at.commit("v1.0.0")
    laptop = at.run("ops/releases", "live", TOOLS_MIRROR=(tmp_path / "mirror").as_uri())
    assert laptop.returncode == 3, "a laptop is told what it lacks"
    done = at.run("ops/releases", "live", CI="true", TOOLS_MIRROR=(tmp_path / "mirror").as_uri())
    if genuine:
        assert done.returncode == 0, done.stderr
        assert done.stdout == "nothing was released yet\n"
    else:
        assert done.returncode == 1
        assert "is not the file that its SHA-256 names" in done.stderr
        assert not (at.bin.parent / "fly.log").read_text()
        assert not list(at.project.rglob(".cache/**/fly"))


@pytest.mark.parametrize(
    ("answers", "tools"),
    [
        ({"stack": "node", "hosting": "fly", "scan": "osv"}, "fly gitleaks hadolint osv-scanner"),
        ({"stack": "node", "hosting": "render", "scan": "snyk"}, "gitleaks hadolint snyk"),
        ({"stack": "static", "hosting": "netlify", "scan": "osv"}, "gitleaks"),
    ],
)
def test_a_project_names_the_tools_that_it_uses(
    render: Render, answers: dict[str, str], tools: str
) -> None:
    rows = ROW.findall((render(**answers) / "ops/lib/tools.txt").read_text())
    assert {name for name, *_ in rows} == set(tools.split())
    assert all(len(digest) == 64 for _, _, digest, *_ in rows)


# What the stack brings


def test_setup_installs_from_the_lock_or_writes_one(ops: Callable[..., Ops]) -> None:
    at = ops()
    log = at.stub("npm")
    lock = at.project / "package-lock.json"
    lock.write_text("{}")
    assert at.run("ops/setup").returncode == 0
    lock.unlink()
    done = at.run("ops/setup")
    assert "commit it" in done.stderr
    assert [line.split()[1] for line in log.read_text().splitlines()] == ["ci", "install"]
    at.stub("npm", then="exit 77")
    for _ in ("install", "ci"):
        assert at.run("ops/setup").returncode == 1
        lock.touch()


#: Ranges of Node's versions: those that 24 is in, those that it is not in, and what is no range.
FITTING = [">=20", "^24.0.0", "20 || 22 || 24", "24", "24.x", ">=22 <25", "22 - 24", "v24", "*", ""]
UNFIT = ["~24.1", "24.0", ">=24.99", "^22.0.0 || >=26", "20 - 22", "<24"]
NO_RANGE = ["lts/*", "node", 24, None, ["24"], {"version": "22"}]


def asks_for(project: Path, node: object) -> None:
    """Have package.json ask for a Node."""
    manifest = project / "package.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"engines": {"node": node}}))


@pytest.fixture(scope="module")
def node() -> Path:
    """Give Node 24 itself: what PyPI puts on PATH is a Python script, and slower."""
    found = Path(
        subprocess.check_output(["node", "--print", "process.execPath"], text=True).strip()
    )
    assert subprocess.check_output([found, "--version"]).startswith(b"v24.")
    return found


def test_engines_are_read_by_nodes_own_rules(ops: Callable[..., Ops], node: Path) -> None:
    at = ops()
    (at.bin / "node").symlink_to(node)
    judge = [*at.shell, "-c", ". ops/lib/stack.sh; node_unfit"]
    for asked in (*FITTING, *NO_RANGE, *UNFIT):
        asks_for(at.project, asked)
        assert at.run(*judge).stdout.strip() == (asked if asked in UNFIT else ""), asked
    (at.project / "package.json").write_text('{"name": "without-engines"}')
    assert at.run(*judge).stdout == ""


def test_a_node_that_engines_rule_out_is_told_in_two_lines(ops: Callable[..., Ops]) -> None:
    at = ops()
    log = at.stub("npm")
    asks_for(at.project, "20 || >=99")
    done = at.run("ops/dev")
    assert done.returncode == 3
    assert re.fullmatch(
        "dev: cannot start without\n"
        r"  node 20 \|\| >=99: https://nodejs.org; \"engines\" in package.json asks for it,"
        r" this is v24\.\d+\.\d+\n",
        done.stderr,
    )
    assert log.read_text() == ""
    asks_for(at.project, ">=20")
    assert at.run("ops/dev").returncode == 0
    assert log.read_text() == "npm run dev\n"


@pytest.mark.parametrize(
    ("npm", "judged"), [("beside node", True), ("a link", True), ("a shim", False)]
)
def test_engines_are_judged_wherever_npm_is_and_where_it_hides_nobody_is_stopped(
    ops: Callable[..., Ops], node: Path, npm: str, *, judged: bool
) -> None:
    """Beside Node as nodejs.org, images and nvm have it; or linked to as by Homebrew and Debian."""
    at = ops()
    (at.bin / "node").symlink_to(node)
    if npm == "a link":
        (at.bin / "npm").symlink_to(node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js")
    else:
        at.stub("npm")
    if npm != "beside node":
        (at.bin / "elsewhere.cjs").write_text("process.execPath = '/elsewhere/bin/node'\n")
        at.environment["NODE_OPTIONS"] = f"--require={at.bin / 'elsewhere.cjs'}"
    asks_for(at.project, "^22")
    judge = [*at.shell, "-c", ". ops/lib/stack.sh; node_unfit"]
    assert at.run(*judge).stdout == ("^22\n" if judged else "")


@pytest.mark.parametrize(
    ("task", "calls"),
    [
        ("build", ["npm run build"]),
        ("dev", ["npm run dev"]),
        ("lint", ["npm run lint", "npm run typecheck", "npm run format:check"]),
    ],
)
def test_a_task_stops_at_the_first_failure_with_1(
    ops: Callable[..., Ops], task: str, calls: list[str]
) -> None:
    at = ops()
    log = at.stub("npm")
    assert at.run(f"ops/{task}").returncode == 0
    assert log.read_text().splitlines() == calls
    for number, call in enumerate(calls, 1):
        log.write_text("")
        at.stub("npm", then=f'[ "npm $*" != "{call}" ] || exit 77')
        assert at.run(f"ops/{task}").returncode == 1
        assert log.read_text().splitlines() == calls[:number]


STAGES = ["setup", "build", "lint", "test", "scan"]


@pytest.mark.parametrize(("tag", "code"), [("v9.9.9", 1), ("v9.9.9-rc.1", 1), ("nightly", 0)])
def test_ci_refuses_the_tag_of_a_version_that_the_changelog_lacks(
    ops: Callable[..., Ops], tag: str, code: int
) -> None:
    at = ops()
    for stage in STAGES:
        (at.project / "ops" / stage).write_text("#!/bin/sh\n")
    at.commit(tag)
    done = at.run("ops/ci")
    assert done.returncode == code
    assert ("build" in done.stderr) == (code == 0)
    assert ('has no section "## [9.9.9]"' in done.stderr) == (code == 1)


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_the_image_carries_the_commit(ops: Callable[..., Ops], engine: str) -> None:
    at = ops()
    at.commit("v1.0.0")
    at.stub("npm")
    log = at.stub(engine, then='echo "$BUILDAH_FORMAT" >>"$0.format"')
    path = at.bare()
    for name in ("git", "node"):
        (Path(path) / name).symlink_to(shutil.which(name) or name)
    done = at.run("ops/build", "--image", PATH=f"{at.bin}{os.pathsep}{path}{os.pathsep}")
    assert done.returncode == 0, done.stderr
    commit = at.git("rev-parse", "HEAD")
    assert log.read_text().splitlines() == [
        f"{engine} build --build-arg GIT_COMMIT={commit} --tag my-service:{commit} .",
        f"{engine} save --output .cache/image.tar my-service:{commit}",
    ]
    assert (at.bin / f"{engine}.format").read_text() == "docker\n\n", "or it has no HEALTHCHECK"


def test_an_image_of_uncommitted_changes_is_refused(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.commit("v1.0.0")
    log = at.stub("npm")
    at.stub("docker")
    (at.project / "marker").write_text("edited")
    done = at.run("ops/build", "--image")
    assert done.returncode == 1
    assert "commit or stash" in done.stderr
    assert not log.read_text()


# ops/ci


@pytest.mark.parametrize("fails", ["setup", "build", "lint", "test", "scan", ""])
def test_ci_stops_at_the_first_stage_that_fails(ops: Callable[..., Ops], fails: str) -> None:
    at = ops()
    stages = ["setup", "build", "lint", "test", "scan"]
    for stage in stages:
        code = 3 if stage == fails else 0
        (at.project / "ops" / stage).write_text(f"#!/bin/sh\necho {stage}\nexit {code}\n")
    done = at.run("ops/ci")
    assert done.returncode == (3 if fails else 0)
    assert done.stdout.split() == stages[: stages.index(fails) + 1 if fails else None]
    assert (f"{fails} failed" in done.stderr) is bool(fails)


# What the pipelines and the README make of it


@pytest.mark.parametrize("hosting", ["fly", "render"])
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_readme_sets_up_the_hosting_before_the_pipelines(
    render: Render, hosting: str, ci: str
) -> None:
    text = (render(stack="node", ci=ci, hosting=hosting) / "README.md").read_text()
    platform = {"fly": "## Fly.io", "render": "## Render"}[hosting]
    order = ["## Releases", platform, "## Pipelines", "## Runbook"]
    assert sorted(order, key=text.index) == order
