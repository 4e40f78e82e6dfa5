"""A static site on the hosts that take one: its built files, and the tasks that publish them.

Each host is a stateful stand-in of its API. It serves what it was sent, so the smoke test asks for
the commit that a build wrote down; `npm` is a stub, but for one slow test that builds for real.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import urllib.request
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jsonschema
import pytest
from conftest import TEMPLATE, Checkout, answering, tree, vendors_file

from scaffold.answers import resolve
from scaffold.render import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Call, Render

SECRET = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)
HOSTS = ["netlify", "vercel"]
ENVIRONMENTS = ["local", "sandbox", "testbed", "live"]

#: Builds what a checkout says in `marker`: a site, an unhealthy one, or none.
NPM = """\
#!/bin/sh
env >>'{log}'
[ "$*" = "run build" ] || exit 0
[ "$(cat marker)" != unbuildable ] || exit 1
mkdir -p dist/assets
status=ok
[ "$(cat marker)" != sick ] || status=down
echo "{{\\"status\\": \\"$status\\", \\"commit\\": \\"$GIT_COMMIT\\"}}" >dist/healthz
echo '{{"status": "ready"}}' >dist/readyz
cp .env dist/settings
cp marker dist/index.html
echo 'body {{}}' >'dist/assets/a style.css'
"""
#: Answers what the tasks ask of Node, at once.
NODE = """\
#!/bin/sh
[ "$1" = --version ] && echo v24.0.0 || echo 24.x
"""
CURL = """\
#!/bin/sh
printf '%s\\n' "$*" >>'{log}'
exec '{curl}' "$@"
"""


def sha1_of(content: bytes) -> str:
    """Give the name that both hosts know a file by."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@dataclass
class Host(ABC):
    """A host of static sites, as far as deploys and rollbacks use its API."""

    name: str = "my-service-live"
    url: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    current: dict[str, Any] | None = None
    #: The newest body that made a deploy.
    sent: dict[str, Any] = field(default_factory=dict)
    #: What happens to the next deploys instead of becoming ready.
    fate: str = ""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Give what a deploy reads."""

    @abstractmethod
    def answer(
        self, method: str, path: str, query: dict[str, str], body: bytes, digest: str
    ) -> tuple[int, Any]:
        """Answer a call of the API."""

    def published(self, path: str) -> bytes | None:
        """Give a file of the deploy that runs."""
        found = self.current["files"].get(path) if self.current else None
        return self.blobs[found] if found else None

    def running(self) -> str:
        """Give the commit of the deploy that runs."""
        return str(json.loads(self.published("healthz") or '{"commit": "none"}')["commit"])

    def start(self, deploy: dict[str, Any]) -> dict[str, Any]:
        """Add a deploy, newest first."""
        number = len(self.deploys) + 1
        self.deploys.insert(0, {**deploy, "id": f"d{number}", "number": number})
        return self.deploys[0]

    def find(self, known: str) -> dict[str, Any]:
        """Give the deploy with an id."""
        return next(deploy for deploy in self.deploys if deploy["id"] == known)

    def changes(self) -> list[str]:
        """Give the calls that were no mere questions."""
        return [call for call in self.calls if not call.startswith("GET")]


@dataclass
class Netlify(Host):
    """A site of Netlify's. A new deploy is published by itself unless the site is locked."""

    locked: bool = False

    def environment(self) -> dict[str, str]:
        """Give what a deploy reads."""
        return {
            "NETLIFY_AUTH_TOKEN": SECRET,
            "NETLIFY_SITE_ID": "s1",
            "NETLIFY_API_URL": f"{self.url}/api/v1",
        }

    def shown(self, deploy: dict[str, Any]) -> dict[str, Any]:
        """Give a deploy as the API does."""
        told = {key: deploy[key] for key in ("id", "title", "state", "required")}
        created = f"2026-11-0{deploy['number']}T00:00:00Z"
        return {**told, "created_at": created, "commit_ref": None, "locked": self.locked}

    def advance(self, deploy: dict[str, Any]) -> None:
        """Take a deploy on once all its files are there."""
        if deploy["state"] == "uploading" and not deploy["required"]:
            deploy["state"] = "processing"
        elif deploy["state"] == "processing":
            deploy["state"] = self.fate or "ready"
            if deploy["state"] == "ready" and not self.locked:
                self.current = deploy

    def answer(  # noqa: PLR0911 (one a call)
        self, method: str, path: str, query: dict[str, str], body: bytes, digest: str
    ) -> tuple[int, Any]:
        """Answer a call of the API."""
        del digest
        match method, path.removeprefix("/api/v1/").split("/"):
            case "GET", ["sites", "s1"]:
                published = self.shown(self.current) if self.current else None
                return 200, {"name": self.name, "ssl_url": self.url, "published_deploy": published}
            case "GET", ["sites", "s1", "deploys"]:
                assert query["production"] == "true"
                ready = [d for d in self.deploys if d["state"] == query["state"]]
                return 200, [self.shown(deploy) for deploy in ready]
            case "POST", ["sites", "s1", "deploys"]:
                named = json.loads(body)["files"]
                files = {name.removeprefix("/"): named[name] for name in named}
                required = sorted(set(files.values()) - set(self.blobs))
                made = {"title": query["title"], "files": files, "state": "uploading"}
                return 200, self.shown(self.start({**made, "required": required}))
            case "PUT", ["deploys", known, "files", *name]:
                deploy, sha1 = self.find(known), sha1_of(body)
                assert deploy["files"]["/".join(name)] == sha1
                deploy["required"].remove(sha1)
                self.blobs[sha1] = body
                return 200, {}
            case "GET", ["deploys", known]:
                self.advance(self.find(known))
                return 200, {**self.shown(self.find(known)), "error_message": "no luck"}
            case "POST", ["deploys", _, "cancel"]:
                return 201, {}
            case "POST", ["sites", "s1", "deploys", known, "restore"]:
                self.current = self.find(known)
                return 201, self.shown(self.current)
        return 404, {}


@dataclass
class Vercel(Host):
    """A project of Vercel's. After a rollback a new deployment waits for its promotion."""

    automatic: bool = True
    team: str = "team_1"

    def environment(self) -> dict[str, str]:
        """Give what a deploy reads."""
        return {
            "VERCEL_TOKEN": SECRET,
            "VERCEL_ORG_ID": self.team,
            "VERCEL_PROJECT_ID": "p1",
            "VERCEL_API_URL": self.url,
            "SERVICE_URL": self.url,
        }

    def shown(self, deploy: dict[str, Any], key: str) -> dict[str, Any]:
        """Give a deployment as the API does, under the names that a list or a single one uses."""
        created = "created" if key == "uid" else "createdAt"
        told = {key: deploy["id"], created: deploy["number"] * 86_400_123}
        told["readySubstate"] = "PROMOTED" if deploy["seen"] else "STAGED"
        return {**told, "meta": deploy["meta"], "readyState": deploy["state"]}

    def point(self, deploy: dict[str, Any], *, automatic: bool) -> None:
        """Give a deployment the domains."""
        self.current, self.automatic, deploy["seen"] = deploy, automatic, True

    def answer(  # noqa: C901, PLR0911, PLR0912 (one a call)
        self, method: str, path: str, query: dict[str, str], body: bytes, digest: str
    ) -> tuple[int, Any]:
        """Answer a call of the API."""
        assert query.get("teamId") == ("team_1" if self.team == "team_1" else None)
        match method, path.strip("/").split("/"):
            case "GET", ["v9", "projects", "p1"]:
                targets = {"production": {"id": "the newest"}} if self.current else {}
                return 200, {"name": self.name, "targets": targets}
            case "GET", ["v9", "projects", "p1", "domains"]:
                pending = {"name": "pending.example.com", "verified": False}
                return 200, {"domains": [pending, {"name": "site.example.com", "verified": True}]}
            case "GET", ["v6", "deployments"]:
                assert (query["projectId"], query["target"]) == ("p1", "production")
                ready = [d for d in self.deploys if d["state"] == query["state"]]
                return 200, {"deployments": [self.shown(deploy, "uid") for deploy in ready]}
            case "GET", ["v13", "deployments", "site.example.com"]:
                return (200, self.shown(self.current, "id")) if self.current else (404, {})
            case "POST", ["v2", "files"]:
                if sha1_of(body) != digest:
                    return 400, {}
                self.blobs[digest] = body
                return 200, {}
            case "POST", ["v13", "deployments"]:
                wanted = self.sent = json.loads(body)
                assert (wanted["project"], wanted["target"]) == ("p1", "production")
                for file in wanted["files"]:
                    assert len(self.blobs[file["sha"]]) == file["size"]
                files = {file["file"]: file["sha"] for file in wanted["files"]}
                made = {"meta": wanted["meta"], "files": files, "state": "BUILDING", "seen": False}
                return 200, self.shown(self.start(made), "id")
            case "GET", ["v13", "deployments", known]:
                deploy = self.find(known)
                deploy["state"] = self.fate or "READY"
                if deploy["state"] == "READY" and self.automatic:
                    self.point(deploy, automatic=True)
                return 200, {**self.shown(deploy, "id"), "errorMessage": "no luck"}
            case "PATCH", ["v12", "deployments", _, "cancel"]:
                return 200, {}
            case "POST", ["v10", "projects", "p1", "promote", known]:
                self.point(self.find(known), automatic=True)
                return 201, {}
            case "POST", ["v1", "projects", "p1", "rollback", known]:
                self.point(self.find(known), automatic=False)
                return 201, None
        return 404, {}


@dataclass
class Site(Checkout):
    """A rendered site in a git repository, and the host that it goes to."""

    host: Host
    logs: Path

    def commit(self, tag: str, marker: str = "") -> str:
        """Commit everything, tag it, and return the commit."""
        (self.project / "marker").write_text(f"{marker or tag}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)
        return self.git("rev-parse", "HEAD")

    def deploy(self, tag: str) -> str:
        """Commit and deploy a version, which has to succeed, and return its commit."""
        commit = self.commit(tag)
        done = self.run("ops/deploy", "live")
        assert done.returncode == 0, done.stderr
        return commit


@pytest.fixture
def shell(request: pytest.FixtureRequest) -> str:
    """Give dash, or the shell that a test asks for."""
    name = getattr(request, "param", "dash")
    found = shutil.which(name)
    if not found:
        pytest.skip(f"needs {name}")
    return f"{found} sh" if name == "busybox" else found


@contextmanager
def serving(host: Host) -> Iterator[None]:
    """Answer for a host: its API where the token is right, else the published files."""

    def reply(call: Call) -> tuple[int, bytes]:
        path, authorized = unquote(call.path), call.headers["Authorization"]
        if authorized is None:
            content = host.published(call.path.strip("/"))
            return (404, b"") if content is None else (200, content)
        assert authorized == f"Bearer {SECRET}"
        host.calls.append(f"{call.method} {call.path}")
        query = {name: values[0] for name, values in call.query.items()}
        digest = call.headers.get("x-vercel-digest", "")
        status, told = host.answer(call.method, path, query, call.body, digest)
        return status, json.dumps(told).encode()

    with answering(reply) as host.url:
        yield


@pytest.fixture
def site(render: Render, tmp_path: Path, shell: str) -> Iterator[Callable[[str], Site]]:
    """Give a function that sets up a site on a host, nothing deployed yet."""
    hosts: dict[str, Host] = {"netlify": Netlify(), "vercel": Vercel()}
    folder, logs = tmp_path / "bin", tmp_path / "logs"
    folder.mkdir()
    logs.mkdir()
    for name, text in (("npm", NPM), ("node", NODE), ("curl", CURL)):
        stub = folder / name
        stub.write_text(text.format(log=logs / name, curl=shutil.which("curl")))
        stub.chmod(0o755)

    def site(hosting: str) -> Site:
        project = render(stack="static", hosting=hosting)
        for task in (project / "ops").iterdir():
            if task.is_file():  # so that a task calls another one in the same shell
                task.write_text(task.read_text().replace("#!/bin/sh", f"#!{shell}", 1))
        environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "SMOKE_TIMEOUT": "0",
            "POLL_INTERVAL": "0",
            **hosts[hosting].environment(),
        }
        made = Site(project, environment, hosts[hosting], logs)
        made.git("init", "--quiet", "--initial-branch", "main")
        return made

    with serving(hosts["netlify"]), serving(hosts["vercel"]):
        yield site


# Deploying


@pytest.mark.parametrize("hosting", HOSTS)
def test_a_deploy_publishes_what_the_commit_builds_for_the_environment(
    site: Callable[[str], Site], hosting: str
) -> None:
    at = site(hosting)
    commit = at.commit("v1.0.0")
    at.commit("v1.1.0")
    (at.project / "marker").write_text("edited\n")
    (at.project / ".env").write_text("VITE_APP_ENV=local\n")
    done = at.run("ops/deploy", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert f"live runs {commit}" in done.stderr
    assert at.host.running() == commit
    assert at.host.published("index.html") == b"v1.0.0\n"
    assert at.host.published("assets/a style.css") == b"body {}\n"
    assert b"\nVITE_APP_ENV=live\n" in (at.host.published("settings") or b"")


@pytest.mark.parametrize("hosting", HOSTS)
def test_the_token_is_in_no_command_and_no_build(site: Callable[[str], Site], hosting: str) -> None:
    at = site(hosting)
    first = at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    assert at.run("ops/rollback", "live", first).returncode == 0
    assert SECRET not in (at.logs / "curl").read_text()
    assert "GIT_COMMIT=" in (at.logs / "npm").read_text()
    assert SECRET not in (at.logs / "npm").read_text()


@pytest.mark.parametrize("hosting", HOSTS)
def test_a_sick_release_makes_way_for_the_one_before(
    site: Callable[[str], Site], hosting: str
) -> None:
    at = site(hosting)
    good = at.deploy("v1.0.0")
    bad = at.commit("v1.1.0", "sick")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"{bad} failed in live" in done.stderr
    assert f"live runs {good} again" in done.stderr
    assert at.host.running() == good
    restore = {
        "netlify": "POST /api/v1/sites/s1/deploys/d1/restore",
        "vercel": "POST /v1/projects/p1/rollback/d1",
    }
    assert at.host.changes()[-1] == restore[hosting]


@pytest.mark.parametrize("hosting", HOSTS)
def test_a_build_that_fails_uploads_and_restores_nothing(
    site: Callable[[str], Site], hosting: str
) -> None:
    at = site(hosting)
    good = at.deploy("v1.0.0")
    before = at.host.changes()
    at.commit("v1.1.0", "unbuildable")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live runs {good} again" in done.stderr
    assert at.host.changes() == before


@pytest.mark.parametrize(("hosting", "fate"), [("netlify", "error"), ("vercel", "ERROR")])
def test_a_deploy_that_the_host_gives_up_on_replaces_nothing(
    site: Callable[[str], Site], hosting: str, fate: str
) -> None:
    at = site(hosting)
    good = at.deploy("v1.0.0")
    at.host.fate = fate
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "failed: no luck" in done.stderr
    assert at.host.running() == good
    assert not [call for call in at.host.changes() if re.search("rollback|restore|promote", call)]


@pytest.mark.parametrize(("hosting", "fate"), [("netlify", "processing"), ("vercel", "BUILDING")])
def test_a_deploy_that_is_not_ready_in_time_is_cancelled(
    site: Callable[[str], Site], hosting: str, fate: str
) -> None:
    at = site(hosting)
    at.host.fate = fate
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", DEPLOY_TIMEOUT="1", POLL_INTERVAL="1")
    assert done.returncode == 1
    assert "is not ready after 1 s; cancelling it" in done.stderr
    assert at.host.changes()[-1].endswith("/d1/cancel")


@pytest.mark.parametrize("hosting", HOSTS)
def test_another_environments_site_is_left_alone(site: Callable[[str], Site], hosting: str) -> None:
    at = site(hosting)
    at.host.name = "my-service-sandbox"
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "its name does not end in -live" in done.stderr
    assert not at.host.changes()


@pytest.mark.parametrize("hosting", HOSTS)
def test_what_is_missing_is_named_at_once(site: Callable[[str], Site], hosting: str) -> None:
    at = site(hosting)
    at.commit("v1.0.0")
    wanted = [name for name in at.host.environment() if name.endswith(("TOKEN", "_ID"))]
    for name in wanted:
        del at.environment[name]
    done = at.run("ops/deploy", "live")
    assert done.returncode == 3
    assert wanted
    assert all(f"  {name}: " in done.stderr for name in wanted)


@pytest.mark.parametrize("hosting", HOSTS)
def test_where_it_answers_is_what_the_host_says(site: Callable[[str], Site], hosting: str) -> None:
    at = site(hosting)
    at.commit("v1.0.0")
    ask = ". ops/lib/common.sh; . ops/lib/platform.sh; platform_url live"
    done = at.run("sh", "-euc", ask)
    expected = at.host.url if hosting == "netlify" else "https://site.example.com"
    assert done.stdout.strip() == expected, done.stderr


# Rolling back


@pytest.mark.parametrize(
    "shell", ["dash", pytest.param("busybox", marks=pytest.mark.slow)], indirect=True
)
@pytest.mark.parametrize("hosting", HOSTS)
def test_a_rollback_goes_back_one_release_each_time(
    site: Callable[[str], Site], hosting: str
) -> None:
    at = site(hosting)
    commits = [at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0")]
    built = len(at.host.deploys)
    for expected in (commits[1], commits[0]):
        done = at.run("ops/rollback", "live")
        assert done.returncode == 0, done.stderr
        assert f"live runs {expected}; not rolled back: the settings" in done.stderr
        assert at.host.running() == expected
    none_left = at.run("ops/rollback", "live")
    assert none_left.returncode == 1
    assert "no release before" in none_left.stderr
    assert len(at.host.deploys) == built, "nothing was built again"


@pytest.mark.parametrize("hosting", HOSTS)
def test_a_rollback_goes_to_a_named_version(site: Callable[[str], Site], hosting: str) -> None:
    at = site(hosting)
    first, _, _ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    assert at.run("ops/rollback", "live", "v1.0.0").returncode == 0
    assert at.host.running() == first


@pytest.mark.parametrize("hosting", HOSTS)
def test_a_deploy_after_a_rollback_runs(site: Callable[[str], Site], hosting: str) -> None:
    at = site(hosting)
    at.deploy("v1.0.0")
    at.deploy("v1.1.0")
    assert at.run("ops/rollback", "live").returncode == 0
    newest = at.deploy("v1.2.0")
    assert at.host.running() == newest


# What only one of them has


def test_netlify_is_sent_what_it_does_not_have(site: Callable[[str], Site]) -> None:
    at = site("netlify")
    at.deploy("v1.0.0")
    at.host.calls.clear()
    at.deploy("v1.1.0")
    sent = [call.partition("/files/")[2] for call in at.host.calls if call.startswith("PUT")]
    assert sorted(sent) == ["healthz", "index.html"]


def test_netlify_leaves_a_locked_site_as_it_is(site: Callable[[str], Site]) -> None:
    at = site("netlify")
    good = at.deploy("v1.0.0")
    assert isinstance(at.host, Netlify)
    at.host.locked = True
    before = at.host.changes()
    at.commit("v1.1.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "is locked to its published deploy" in done.stderr
    assert at.host.running() == good
    assert at.host.changes() == before


def test_netlify_lists_what_others_deployed_by_its_id(site: Callable[[str], Site]) -> None:
    at = site("netlify")
    at.deploy("v1.0.0")
    at.host.deploys[0]["title"] = "Made by hand"
    at.deploy("v1.1.0")
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert "live runs d1" in done.stderr


def test_vercel_gets_the_files_and_not_how_to_build_them(site: Callable[[str], Site]) -> None:
    at = site("vercel")
    at.deploy("v1.0.0")
    ours = json.loads((at.project / "vercel.json").read_text())
    sent = json.loads(at.host.published("vercel.json") or b"")
    assert sent["headers"] == ours["headers"]
    assert [sent[key] for key in ("framework", "installCommand", "buildCommand")] == [None, "", ""]
    assert sent["outputDirectory"] == "."
    assert "git" not in sent


def test_vercel_is_asked_as_it_describes_itself(site: Callable[[str], Site]) -> None:
    described = json.loads(vendors_file("specs/vercel-trimmed.json").read_text("utf-8"))
    operation = described["paths"]["/v13/deployments"]["post"]
    rules = nullable(operation["requestBody"]["content"]["application/json"]["schema"])
    at = site("vercel")
    at.deploy("v1.0.0")
    jsonschema.validate(at.host.sent, rules)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**at.host.sent, "commit": "abc1234"}, rules)


def nullable(rule: Any) -> Any:
    """Say in JSON Schema what OpenAPI 3.0 calls nullable."""
    if isinstance(rule, list):
        return [nullable(item) for item in rule]
    if not isinstance(rule, dict):
        return rule
    told = {key: nullable(value) for key, value in rule.items()}
    return {**told, "type": [told["type"], "null"]} if told.get("nullable") is True else told


def test_vercel_takes_a_personal_account_for_no_team(site: Callable[[str], Site]) -> None:
    at = site("vercel")
    assert isinstance(at.host, Vercel)
    at.host.team = "personal"
    at.environment["VERCEL_ORG_ID"] = "personal"
    at.deploy("v1.0.0")


# What is rendered


def test_static_sites_have_these_hosts() -> None:
    for option in TEMPLATE.catalog.axis("hosting"):
        assert (option.id in HOSTS) is ("static" in option.row["stacks"])


@pytest.mark.parametrize("hosting", HOSTS)
def test_a_site_has_no_container(render: Render, hosting: str) -> None:
    files = tree(render(stack="static", hosting=hosting))
    assert not [name for name in files if re.search(r"docker|compose", name, re.IGNORECASE)]


def test_both_hosts_send_the_same_headers(render: Render) -> None:
    rules: dict[str, dict[str, str]] = {}
    text = (render(stack="static", hosting="netlify") / "public/_headers").read_text()
    for line in text.splitlines():
        if line.startswith("/"):
            rule = rules.setdefault(line, {})
        elif not line.startswith("#"):
            name, _, value = line.strip().partition(": ")
            rule[name] = value
    config = json.loads((render(stack="static", hosting="vercel") / "vercel.json").read_text())
    assert rules == {
        each["source"].replace("(.*)", "*"): {h["key"]: h["value"] for h in each["headers"]}
        for each in config["headers"]
    }
    everywhere = rules.pop("/*")
    assert everywhere["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert not [name for rule in rules.values() for name in rule if name in everywhere]


def test_a_push_to_main_is_deployed_by_the_pipeline_alone(render: Render) -> None:
    config = json.loads((render(stack="static", hosting="vercel") / "vercel.json").read_text())
    assert config["git"] == {"deploymentEnabled": {"main": False}}
    text = (render(stack="static", hosting="netlify") / "netlify.toml").read_text()
    ignore = re.search(r"^ignore = '(.*)'$", text, re.MULTILINE)
    assert ignore
    for context in ("production", "branch-deploy", "deploy-preview"):
        done = subprocess.run(["sh", "-c", ignore[1]], check=False, env={"CONTEXT": context})
        cancelled = done.returncode == 0
        assert cancelled is (context != "deploy-preview")


def test_every_environment_says_that_its_settings_are_public(render: Render) -> None:
    project = render(stack="static", hosting="netlify")
    for environment in ENVIRONMENTS:
        text = (project / f".env.{environment}.example").read_text()
        assert f"\nVITE_APP_ENV={environment}\n" in text
        assert "Public, see .env.example" in text
    assert "EVERYTHING HERE IS PUBLIC" in (project / ".env.example").read_text()


def test_what_is_an_example_is_somebodys_own() -> None:
    layer = TEMPLATE.files_root / "{{ use.stack.static }}"
    written = seeds(TEMPLATE, resolve(TEMPLATE, {"stack": "static"}))
    own = {"/404.html", "/index.html", "/public/icon.svg", "/src/", "/test/unit/version.test.ts"}
    assert own <= set(written)
    assert all((layer / seed.strip("/")).exists() for seed in own)


# For real


@pytest.mark.slow
@pytest.mark.parametrize("hosting", HOSTS)
def test_a_site_passes_its_own_checks_and_is_served_with_its_headers(
    render: Render, tmp_path: Path, hosting: str
) -> None:
    description = 'A "site" of <b>ours</b> & $1\nin two lines'
    rendered = render(stack="static", hosting=hosting, description=description)
    project = rendered.rename(tmp_path / "site")  # Node loads nothing below a folder of that name

    def run(*command: str, **variables: str) -> None:
        done = subprocess.run(
            command, cwd=project, env={**os.environ, **variables}, check=False,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"

    for task in ("setup", "lint", "test"):
        run(f"ops/{task}")
    run("ops/build", GIT_COMMIT="abc1234", VITE_APP_ENV="live")
    with previewing(project) as url:
        run("ops/smoke", url, "abc1234", SMOKE_TIMEOUT="0")
        with urllib.request.urlopen(url) as page:  # noqa: S310 (our own)
            assert page.headers["content-security-policy"].startswith("default-src 'self'; ")
            html = page.read().decode()
        assert "A &quot;site&quot; of &lt;b&gt;ours&lt;/b&gt; &amp; $1\nin two lines" in html
        assert "noindex" not in html
        with urllib.request.urlopen(f"{url}/version") as version:  # noqa: S310 (our own)
            assert version.headers["cache-control"] == "no-store"
            assert json.load(version)["environment"] == "live"


@contextmanager
def previewing(project: Path) -> Iterator[str]:
    """Serve a built site as `npm run preview` does, on a free port; give its address."""
    server = subprocess.Popen(
        ["npm", "run", "preview", "--", "--host", "127.0.0.1", "--port", "0"],
        cwd=project,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert server.stdout
    try:
        printed = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", printed)):
            line = server.stdout.readline()
            assert line, printed
            printed += line
        yield found[0]
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=10)
        server.stdout.close()
