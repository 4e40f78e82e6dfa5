"""The tasks in ops/, each run in dash and in busybox's ash.

Fly.io is a recording stub of `fly`, Render a stateful stand-in of its API; both put releases in
front of one small service, whose health the smoke test asks for real. Images are in the registry
as far as a stub of skopeo says so; test_images.py has real ones.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Bench, answering, run_tasks_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Call, Render

SECRET = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)
TASKS = ["build", "ci", "deploy", "dev", "help", "lint", "publish", "release", "rollback", "scan"]
TASKS += ["setup", "smoke", "test"]
# What a minimal machine has; the tasks name everything else they need.
BASICS = "awk cat cut date dirname env grep head mkdir mktemp mv rm sed sh sleep sort tail tar"

FLY = """\
#!{python}
import json, os, pathlib, sys

state = pathlib.Path({state!r})
fly = json.loads(state.read_text())
arguments = dict(zip(sys.argv[1:], sys.argv[2:] + [""]))
config = pathlib.Path(arguments["--config"]).read_text()
fly["calls"].append(
    {{"argv": sys.argv[1:], "token": os.environ.get("FLY_API_TOKEN"), "config": config,
      "files": sorted(os.listdir())}}
)
if sys.argv[1] == "releases":
    print(json.dumps(fly["releases"] or None))
else:
    image = arguments["--image"]
    label = image.partition("@")[0].rpartition(":")[2]
    if label not in fly["unbuildable"]:
        status = "failed" if label in fly["stuck"] else "complete"
        created = "2026-11-0%dT00:00:00Z" % (len(fly["releases"]) + 1)
        release = {{"ImageRef": image, "Status": status, "CreatedAt": created}}
        fly["releases"].insert(0, release)
state.write_text(json.dumps(fly))
sys.exit(sys.argv[1] == "deploy" and label in fly["stuck"] + fly["unbuildable"])
"""
REGISTRY = {
    "IMAGE_REPOSITORY": "registry.example.com/team/service",
    "REGISTRY_USER": "robot",
    "REGISTRY_PASSWORD": SECRET,
}
#: A row of ops/lib/tools.sh: tool, machine, SHA-256, address and name in the archive.
ROW = re.compile(r"^([a-z-]+) (\S+) ([0-9a-f]+) (https://\S+) (\S+)$", re.MULTILINE)
FLY_ROW = re.compile(ROW.pattern.replace("[a-z-]+", "fly"), re.MULTILINE)
DIGEST = f"sha256:{'0' * 64}"
SKOPEO = f"""case $1 in
  login) cat >/dev/null ;;
  inspect) echo {DIGEST} ;;
esac"""


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
class RenderApi:
    """Render's API for one service, as far as a deploy and a rollback use it."""

    name: str = "my-service-live"
    url: str = ""
    auto_deploy: str = "yes"
    queues: bool = False
    locked: bool = False
    blind: int = 0
    unbuildable: set[str] = field(default_factory=set)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def running(self) -> str:
        """Return the commit of the live deploy."""
        return next((d["commit"]["id"] for d in self.deploys if d["status"] == "live"), "none")

    def start(self, commit: str, status: str = "created") -> dict[str, Any]:
        """Add a deploy, newest first."""
        number = len(self.deploys) + 1
        deploy = {
            "id": f"dep-{number}",
            "commit": {"id": commit},
            "status": status,
            "createdAt": f"2026-11-0{number}T00:00:00Z",
        }
        self.deploys.insert(0, deploy)
        return deploy

    def advance(self, deploy: dict[str, Any]) -> dict[str, Any]:
        """Take a deploy one step on: created, building, then live or failed."""
        if deploy["status"] == "created":
            deploy["status"] = "build_in_progress"
        elif deploy["status"] == "build_in_progress" and deploy["commit"]["id"] in self.unbuildable:
            deploy["status"] = "build_failed"
        elif deploy["status"] == "build_in_progress":
            for other in self.deploys:
                if other["status"] == "live":
                    other["status"] = "deactivated"
            deploy["status"] = "live"
        return deploy

    def answer(  # noqa: PLR0911 (one a call)
        self, method: str, path: str, body: dict[str, Any]
    ) -> tuple[int, Any]:
        """Answer a call of the API."""
        self.calls.append(f"{method} {path} {json.dumps(body)}" if body else f"{method} {path}")
        path, _, query = path.removeprefix("/v1/services/srv-1").partition("?")
        match method, path.split("/")[1:]:
            case "GET", []:
                return 200, {"name": self.name, "serviceDetails": {"url": self.url}}
            case "PATCH", [] if self.locked:
                return 403, {}
            case "PATCH", []:
                self.auto_deploy = body["autoDeploy"]
                return 200, {}
            case "GET", ["deploys"]:
                wanted = [term[7:] for term in query.split("&") if term.startswith("status=")]
                found = [d for d in self.deploys if not wanted or d["status"] in wanted]
                return 200, [{"deploy": deploy, "cursor": "c"} for deploy in reversed(found)]
            case "GET", ["deploys", _] if self.blind:
                self.blind -= 1
                return 403, {}
            case "GET", ["deploys", known]:
                return 200, self.advance(next(d for d in self.deploys if d["id"] == known))
            case "POST", ["deploys"]:
                deploy = self.start(body["commitId"])
                return (202, None) if self.queues else (201, deploy)
            case "POST", ["rollback"]:
                target = next(d for d in self.deploys if d["id"] == body["deployId"])
                return 201, self.start(target["commit"]["id"])
            case "POST", ["deploys", known, "cancel"]:
                deploy = next(d for d in self.deploys if d["id"] == known)
                deploy["status"] = "canceled"
                return 200, deploy
        return 404, {}


@dataclass
class Ops(Bench):
    """A rendered project in a git repository, with the machine its tasks run on."""

    shell: list[str]
    service: Service
    api: RenderApi
    limit = 30

    def bare(self) -> str:
        """Return a PATH with nothing but the basics."""
        folder = self.bin.parent / "basics"
        folder.mkdir()
        for name in BASICS.split():
            (folder / name).symlink_to(shutil.which(name) or name)
        return str(folder)

    @property
    def fly(self) -> dict[str, Any]:
        """What the stub of `fly` knows and was asked."""
        state: dict[str, Any] = json.loads((self.bin.parent / "fly.json").read_text())
        return state

    def set_fly(self, **changes: Any) -> None:
        """Change how the stub of `fly` behaves."""
        (self.bin.parent / "fly.json").write_text(json.dumps({**self.fly, **changes}))

    def deploys(self) -> list[list[str]]:
        """Return the arguments of every `fly deploy`."""
        return [call["argv"] for call in self.fly["calls"] if call["argv"][0] == "deploy"]


@pytest.fixture(params=["dash", pytest.param("busybox", marks=pytest.mark.slow)])
def shell(request: pytest.FixtureRequest) -> list[str]:
    found = shutil.which(request.param)
    if not found:
        pytest.skip(f"needs {request.param}")
    return [found, "sh"] if request.param == "busybox" else [found]


@pytest.fixture
def ops(render: Render, tmp_path: Path, shell: list[str]) -> Iterator[Callable[..., Ops]]:
    """Give a function that sets up a project on a hosting platform, its releases empty."""
    api = RenderApi()
    folder = tmp_path / "bin"
    folder.mkdir()
    state = tmp_path / "fly.json"
    state.write_text(json.dumps({"releases": [], "calls": [], "stuck": [], "unbuildable": []}))

    def on_fly() -> str:
        releases = json.loads(state.read_text())["releases"]
        image = str(releases[0]["ImageRef"]).partition("@")[0] if releases else ":none"
        return image.rpartition(":")[2]

    service = Service(on_fly)

    def reply(call: Call) -> tuple[int, bytes]:
        if not call.path.startswith("/v1"):
            status, answer = service.answer(call.path)
        elif call.headers["Authorization"] != f"Bearer {SECRET}":
            status, answer = 401, {}
        else:
            status, answer = api.answer(call.method, call.target, call.json or {})
        return status, b"" if answer is None else json.dumps(answer).encode()

    def ops(hosting: str = "fly", ci: str = "github", **answers: str) -> Ops:
        if hosting == "render":
            service.running = api.running
        project = render(stack="node", ci=ci, hosting=hosting, **answers)
        run_tasks_in(" ".join(shell), project)
        environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "SMOKE_TIMEOUT": "0",
            "POLL_INTERVAL": "0",
        }
        if hosting == "fly":
            fly = folder / "fly"
            fly.write_text(FLY.format(python=sys.executable, state=str(state)))
            fly.chmod(0o755)
            environment |= {"FLY_API_TOKEN": SECRET, "SERVICE_URL": api.url}
            environment |= REGISTRY
        else:
            environment |= {
                "RENDER_API_KEY": SECRET,
                "RENDER_SERVICE_ID": "srv-1",
                "RENDER_API_URL": f"{api.url}/v1",
            }
        made = Ops(project, environment, folder, shell, service, api)
        made.git("init", "--quiet", "--initial-branch", "main")
        made.stub("skopeo", then=SKOPEO)
        return made

    with answering(reply) as api.url:
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
        'my-service: It\'s "$HOME" \\n `x`\nand % on a second line\n\nops/build'
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
        "help me",
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
    assert not at.fly["calls"]


@pytest.mark.parametrize(
    ("hosting", "command", "names"),
    [
        ("fly", "deploy live", f"curl git jq fly FLY_API_TOKEN skopeo {' '.join(REGISTRY)}"),
        ("fly", "rollback live", "curl git jq fly FLY_API_TOKEN"),
        ("render", "deploy live", "curl git jq RENDER_API_KEY RENDER_SERVICE_ID"),
        ("fly", "smoke http://localhost", "curl jq"),
        ("fly", "release", "git jq node npm"),
        ("fly", "publish", f"git jq skopeo {' '.join(REGISTRY)} .cache/image.tar"),
        ("fly", "setup", "node npm"),
        ("fly", "lint", "node npm"),
        ("fly", "test", "node npm"),
        ("fly", "scan", "node npm gitleaks hadolint"),
        ("fly", "scan --image", "node npm gitleaks hadolint jq osv-scanner .cache/image.tar"),
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
    assert done.returncode == 3, done.stderr
    _, *lines = done.stderr.splitlines()
    assert sorted(line.split(":")[0].split()[0] for line in lines) == sorted(names.split())
    assert all(len(line.split(": ", 1)[1]) > 10 for line in lines), "each says how to get it"


# smoke


def test_smoke_wants_health_commit_and_readiness(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.service.running = lambda: "abc"
    assert at.run("ops/smoke", at.api.url).returncode == 0
    assert at.run("ops/smoke", f"{at.api.url}/", "abc").returncode == 0

    other = at.run("ops/smoke", at.api.url, "def")
    assert other.returncode == 1
    assert '"commit": "abc"' in other.stderr

    at.service.unready = {"abc"}
    unready = at.run("ops/smoke", at.api.url, "abc").stderr
    assert "503" in unready
    assert '"missing": ["database"]' in unready
    at.service.sick = {"abc"}
    sick = at.run("ops/smoke", at.api.url, "abc")
    assert sick.returncode == 1
    assert '"status": "down"' in sick.stderr


def test_smoke_shows_the_beginning_of_a_long_answer(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.service.running = lambda: "abc" * 1000
    assert '"status": "ok"' in (said := at.run("ops/smoke", at.api.url, "def").stderr)
    assert len(said) < 700


def test_smoke_waits_for_a_slow_start(ops: Callable[..., Ops]) -> None:
    at = ops()
    answers = iter(["old", "old", *["new"] * 9])
    at.service.running = lambda: next(answers)
    done = at.run("ops/smoke", at.api.url, "new", SMOKE_TIMEOUT="20")
    assert done.returncode == 0, done.stderr


# deploy and rollback


def foreign(at: Ops) -> str:
    """Let a release run that somebody deployed without ops/deploy; return its label."""
    at.service.running = lambda: "unknown"
    image = "registry.fly.io/app:deployment-01JC"
    at.set_fly(releases=[{"ImageRef": image, "Status": "complete", "CreatedAt": "-"}])
    return image.rpartition(":")[2]


def test_what_others_deployed_is_restored_without_asking_for_its_commit(
    ops: Callable[..., Ops],
) -> None:
    at = ops()
    label = foreign(at)
    at.commit("v1.0.0")
    at.git("branch", label)  # a name of a commit, not a commit
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live runs {label} again" in done.stderr


def test_what_others_deployed_is_rolled_back_to_without_asking_for_its_commit(
    ops: Callable[..., Ops],
) -> None:
    at = ops()
    label = foreign(at)
    at.set_fly(
        releases=[
            {**at.fly["releases"][0], "ImageRef": f"registry.fly.io/app:{at.commit('v1.0.0')}"},
            *at.fly["releases"],
        ]
    )
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert f"live runs {label}" in done.stderr


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
    assert not at.fly["calls"]


# Fly.io


def test_fly_deploys_the_commit_and_not_the_work_tree(ops: Callable[..., Ops]) -> None:
    at = ops()
    commit = at.commit("v1.0.0")
    at.commit("v1.1.0")
    (at.project / ".env").write_text(f"PASSWORD={SECRET}\n")
    (at.project / "fly.live.toml").write_text("edited")
    done = at.run("ops/deploy", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert f"live runs {commit}" in done.stderr
    image = f"registry.fly.io/my-service-live:{commit}@{DIGEST}"
    assert at.deploys() == [["deploy", "--config", "fly.live.toml", "--image", image]]
    call = at.fly["calls"][-1]
    assert 'app = "my-service-live"' in call["config"]
    assert "ops" in call["files"]
    assert ".env" not in call["files"]


def test_fly_restores_the_previous_release_when_the_new_one_is_sick(
    ops: Callable[..., Ops],
) -> None:
    at = ops()
    good = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    toml = at.project / "fly.live.toml"
    toml.write_text(toml.read_text() + "# v1.1.0\n")
    bad = at.commit("v1.1.0")
    at.service.sick = {bad}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"{bad} failed in live" in done.stderr
    assert f"live runs {good} again" in done.stderr
    image = f"registry.fly.io/my-service-live:{good}@{DIGEST}"
    options = f"--config fly.live.toml --image {image} --skip-release-command"
    assert at.deploys()[-1] == ["deploy", *options.split()]
    assert "# v1.1.0" not in at.fly["calls"][-1]["config"], "the old image keeps its old settings"


def test_fly_restores_after_a_deploy_that_got_stuck_half_way(ops: Callable[..., Ops]) -> None:
    at = ops()
    good = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    bad = at.commit("v1.1.0")
    at.set_fly(stuck=[bad])
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"registry.fly.io/my-service-live:{good}@{DIGEST}" in at.deploys()[-1]


def test_fly_restores_nothing_after_a_deploy_that_never_began(ops: Callable[..., Ops]) -> None:
    at = ops()
    good = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    at.set_fly(unbuildable=[at.commit("v1.1.0")])
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live runs {good} again" in done.stderr
    assert len(at.deploys()) == 2


def test_a_first_deploy_that_fails_has_nothing_to_restore(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.service.sick = {at.commit("v1.0.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "no earlier release" in done.stderr
    assert len(at.deploys()) == 1


def test_a_restore_that_fails_is_not_called_a_success(ops: Callable[..., Ops]) -> None:
    at = ops()
    good = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    at.service.sick = {good, at.commit("v1.1.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "live may be down" in done.stderr


@pytest.mark.parametrize("command", ["deploy live no-such-ref", "rollback live v9.9.9"])
@pytest.mark.parametrize("hosting", ["fly", "render"])
def test_an_unknown_ref_calls_nothing(ops: Callable[..., Ops], hosting: str, command: str) -> None:
    at = ops(hosting)
    at.commit("v1.0.0")
    done = at.run(*f"ops/{command}".split())
    assert done.returncode == 2
    assert f"no commit '{command.rsplit(maxsplit=1)[-1]}'" in done.stderr
    assert not at.fly["calls"]
    assert not at.api.calls


def test_a_platform_that_cannot_be_asked_gets_no_deploy(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.commit("v1.0.0")
    log = at.stub("fly", then="echo unauthorized >&2; exit 1")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert log.read_text().splitlines() == ["fly releases --config fly.live.toml --image --json"]


def test_fly_rollback_goes_back_one_release_each_time(ops: Callable[..., Ops]) -> None:
    at = ops()
    commits = []
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0"):
        commits.append(at.commit(tag))
        assert at.run("ops/deploy", "live").returncode == 0

    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert f"live runs {commits[1]}; not rolled back: the secrets" in done.stderr
    assert at.run("ops/rollback", "live").returncode == 0
    assert at.service.running() == commits[0]

    none_left = at.run("ops/rollback", "live")
    assert none_left.returncode == 1
    assert "no release before" in none_left.stderr


def test_fly_rollback_passes_over_a_release_that_never_ran(ops: Callable[..., Ops]) -> None:
    at = ops()
    good, failed, current = at.commit("v1.0.0"), at.commit("v1.1.0"), at.commit("v1.2.0")
    at.set_fly(
        releases=[
            {"ImageRef": f"registry.fly.io/app:{commit}", "Status": status, "CreatedAt": "-"}
            for commit, status in ((current, "complete"), (failed, "failed"), (good, "complete"))
        ]
    )
    assert at.run("ops/rollback", "live").returncode == 0
    assert at.service.running() == good


def test_fly_rollback_goes_to_a_named_version(ops: Callable[..., Ops]) -> None:
    at = ops()
    first = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    for tag in ("v1.1.0", "v1.2.0"):
        at.commit(tag)
        assert at.run("ops/deploy", "live").returncode == 0
    assert at.run("ops/rollback", "live", "v1.0.0").returncode == 0
    assert at.service.running() == first

    at.commit("v1.3.0")
    never = at.run("ops/rollback", "live", "v1.3.0")
    assert never.returncode == 1
    assert "ops/deploy live v1.3.0" in never.stderr
    assert first in never.stderr, "it lists what there is"


def test_a_rollback_to_a_sick_release_fails(ops: Callable[..., Ops]) -> None:
    at = ops()
    first = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    at.commit("v1.1.0")
    assert at.run("ops/deploy", "live").returncode == 0
    at.service.sick = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert "is not healthy in live either" in done.stderr


def test_nothing_to_roll_back_in_an_empty_environment(ops: Callable[..., Ops]) -> None:
    at = ops()
    at.commit("v1.0.0")
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert "nothing runs in live" in done.stderr


@pytest.mark.parametrize("waits", ["0", "5"])
def test_fly_deploys_no_commit_whose_image_was_not_published(
    ops: Callable[..., Ops], waits: str
) -> None:
    at = ops()
    commit = at.commit("v1.0.0")
    looks = at.stub("skopeo", then='[ "$1" = login ] || { echo "manifest unknown" >&2; exit 1; }')
    done = at.run("ops/deploy", "live", IMAGE_TIMEOUT=waits, POLL_INTERVAL="1")
    assert done.returncode == 1
    assert f"no image of {commit} in registry.example.com/team/service" in done.stderr
    assert "manifest unknown" in done.stderr
    assert (looks.read_text().count("inspect") > 1) is (waits != "0")
    assert not at.deploys()


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
    tools = at.project / "ops/lib/tools.sh"
    for _, _, _, address, _ in FLY_ROW.findall(tools.read_text()):
        mirrored = tmp_path / "mirror" / address.removeprefix("https://")
        mirrored.parent.mkdir(parents=True, exist_ok=True)
        mirrored.write_bytes(packed)
    if genuine:
        digest = hashlib.sha256(packed).hexdigest()
        tools.write_text(FLY_ROW.sub(rf"\1 \2 {digest} \4 \5", tools.read_text()))
    at.commit("v1.0.0")
    laptop = at.run("ops/deploy", "live", TOOLS_MIRROR=(tmp_path / "mirror").as_uri())
    assert laptop.returncode == 3, "a laptop is told what it lacks"
    done = at.run("ops/deploy", "live", CI="true", TOOLS_MIRROR=(tmp_path / "mirror").as_uri())
    if genuine:
        assert done.returncode == 0, done.stderr
        assert len(at.deploys()) == 1
    else:
        assert done.returncode == 1
        assert "is not the file that its SHA-256 names" in done.stderr
        assert not at.fly["calls"]
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
    rows = ROW.findall((render(**answers) / "ops/lib/tools.sh").read_text())
    assert {name for name, *_ in rows} == set(tools.split())
    assert all(len(digest) == 64 for _, _, digest, *_ in rows)


# Render


def test_render_deploys_the_commit_and_follows_it_until_it_is_live(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    commit = at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert at.api.running() == commit
    posts = [call for call in at.api.calls if not call.startswith("GET")]
    assert posts == [f'POST /v1/services/srv-1/deploys {{"commitId": "{commit}"}}']


def test_render_follows_a_deploy_that_was_only_queued(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    at.api.queues = True
    commit = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    assert at.api.running() == commit


def test_render_restores_the_previous_deploy_when_the_new_one_is_sick(
    ops: Callable[..., Ops],
) -> None:
    at = ops("render")
    good = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    at.service.sick = {at.commit("v1.1.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live runs {good} again" in done.stderr
    assert at.api.running() == good
    assert 'POST /v1/services/srv-1/rollback {"deployId": "dep-1"}' in at.api.calls
    assert at.api.auto_deploy == "no"


def test_render_restores_nothing_after_a_build_that_failed(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    good = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    at.api.unbuildable = {at.commit("v1.1.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "ended as build_failed" in done.stderr
    assert f"live runs {good} again" in done.stderr
    assert not [call for call in at.api.calls if "/rollback" in call]


def test_render_goes_on_following_a_deploy_it_cannot_see(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    at.api.blind = 3
    commit = at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert at.api.running() == commit
    assert not [call for call in at.api.calls if "/cancel" in call]


def test_render_rolls_back_though_it_may_not_change_settings(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    at.api.locked = True
    first = at.commit("v1.0.0")
    assert at.run("ops/deploy", "live").returncode == 0
    at.commit("v1.1.0")
    assert at.run("ops/deploy", "live").returncode == 0
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.api.running() == first
    assert "deploys on push" in done.stderr


def test_render_cancels_a_deploy_that_takes_too_long(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="0")
    assert done.returncode == 1
    assert at.api.deploys[0]["status"] == "canceled"


def test_render_rolls_back_to_the_previous_and_to_a_named_release(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    commits = []
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0"):
        commits.append(at.commit(tag))
        assert at.run("ops/deploy", "live").returncode == 0
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.api.running() == commits[1]
    assert at.run("ops/rollback", "live").returncode == 0
    assert at.api.running() == commits[0]
    assert at.run("ops/rollback", "live", "v1.2.0").returncode == 0
    assert at.api.running() == commits[2]


@pytest.mark.parametrize("task", ["deploy", "rollback"])
def test_render_refuses_the_service_of_another_environment(
    ops: Callable[..., Ops], task: str
) -> None:
    at = ops("render")
    at.api.name = "my-service-sandbox"
    at.api.start("1" * 40, "deactivated")
    at.api.start("2" * 40, "live")
    at.commit("v1.0.0")
    done = at.run(f"ops/{task}", "live")
    assert done.returncode == 1
    assert "is not the service of live" in done.stderr
    assert not [call for call in at.api.calls if not call.startswith("GET")]


def test_render_tells_which_call_was_refused(ops: Callable[..., Ops]) -> None:
    at = ops("render")
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", RENDER_API_KEY="wrong")
    assert done.returncode == 1
    assert "Render refused GET /services/srv-1/deploys" in done.stderr
    assert not at.api.deploys


# Secrets


@pytest.mark.parametrize("hosting", ["fly", "render"])
@pytest.mark.parametrize("traced", [False, True])
def test_a_secret_reaches_the_platform_and_nothing_else(
    ops: Callable[..., Ops], hosting: str, *, traced: bool
) -> None:
    at = ops(hosting)
    log = at.stub("curl", then=f'exec {shutil.which("curl")} "$@"')
    pushes = at.stub("skopeo", then=SKOPEO)
    commits = [at.commit("v1.0.0"), at.commit("v1.1.0")]
    at.service.sick = {commits[1]}
    trace = [*at.shell, "-x"] if traced else []
    outcomes = []
    for command in ("deploy live v1.0.0", "deploy live v1.1.0", "rollback live v1.1.0"):
        done = at.run(*trace, *f"ops/{command}".split())
        outcomes.append(done.returncode)
        assert SECRET not in done.stdout + done.stderr
    assert outcomes == [0, 1, 1]
    assert log.read_text().count("curl ") > 3
    assert SECRET not in log.read_text() + pushes.read_text()
    for call in at.fly["calls"]:
        assert call["token"] == SECRET
        assert SECRET not in call["argv"]


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


@pytest.mark.parametrize("failing", STAGES)
def test_ci_is_every_stage_up_to_one_that_fails(ops: Callable[..., Ops], failing: str) -> None:
    at = ops()
    log = at.project.parent / "stages"
    for stage in STAGES:
        code = 7 if stage == failing else 0
        (at.project / "ops" / stage).write_text(f"#!/bin/sh\necho {stage} >>'{log}'\nexit {code}\n")
    done = at.run("ops/ci")
    assert done.returncode == 7
    assert done.stderr.endswith(f"ci: {failing} failed\n")
    assert log.read_text().split() == STAGES[: STAGES.index(failing) + 1]


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
