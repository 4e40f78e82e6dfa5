"""Each provider's pipeline, run by a local runner of it.

What a runner cannot do is changed in a copy, and said here.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from conftest import from_npm, installed
from standins import Standins

PASSWORD = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)
REPOSITORY = "registry.example.com/team/service"
BB_RUN = "bb-run==1.3.0"
#: The remote where what passed is recorded, as the one that pipelines have cannot be reached.
RECORD = "record"
ENVIRONMENTS = {"main": "sandbox", "candidate": "testbed", "release": "live"}

#: Artefacts of one job for another, which act's own server would need a network for.
UPLOAD = """\
inputs: { name: {}, path: {} }
runs:
  using: composite
  steps:
    - shell: sh
      run: mkdir -p "STORE/$NAME" && cp -r $FROM "STORE/$NAME/"
      env: { NAME: "${{ inputs.name }}", FROM: "${{ inputs.path }}" }
"""
DOWNLOAD = """\
inputs: { name: {}, path: {} }
runs:
  using: composite
  steps:
    - shell: sh
      run: mkdir -p "$TO" && cp -r "STORE/$NAME/." "$TO/"
      env: { NAME: "${{ inputs.name }}", TO: "${{ inputs.path }}" }
"""
NOTHING = """\
runs:
  using: composite
  steps: [{ shell: sh, run: "true" }]
"""


@dataclass(frozen=True)
class Run:
    """A pipeline that ran.

    Args:
        passed: What the runner says of the whole.
        jobs: Each job that ran, in order of its end, and whether it passed.
        output: All that was printed.
    """

    passed: bool
    jobs: Mapping[str, bool]
    output: str

    @property
    def failed(self) -> list[str]:
        """The jobs that failed."""
        return [name for name, passed in self.jobs.items() if not passed]


def _run(
    command: list[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment, check=False, text=True, timeout=600,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _commit(project: Path, at: Standins, tag: str) -> None:
    """Commit what was changed; a tag is of a commit that main has published the image of."""

    def git(*arguments: str) -> str:
        return subprocess.check_output(["git", *arguments], cwd=project, text=True).strip()

    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", "As the runner can")
    if tag:
        git("tag", tag)
        at.publish("team/service", git("rev-parse", "HEAD"))


def github(project: Path, at: Standins, event: str, tag: str) -> Run:
    """Run with act: `$/` and `queue` are too new for it, and no action but checkout is real.

    It does not look at the branch or the tag of a push, so it is told the workflow.
    """
    for file in (project / ".github").rglob("*.yml"):
        text = file.read_text().replace("uses: $/", "uses: ./")
        file.write_text(re.sub(r"^ *queue: max\n", "", text, flags=re.MULTILINE))
    used = set()
    for file in (project / ".github").rglob("*.yml"):
        used |= set(re.findall(r"uses: ([\w-]+/[\w-]+@\w+)", file.read_text()))
    stubs = []
    for action in sorted(used):
        name = action.partition("@")[0]
        folder = at.folder / name
        folder.mkdir(parents=True)
        kind = {"actions/upload-artifact": UPLOAD, "actions/download-artifact": DOWNLOAD}
        text = kind.get(name, NOTHING).replace("STORE", str(at.folder / "artifacts"))
        (folder / "action.yml").write_text(f"name: stub\n{text}")
        if name != "actions/checkout":  # act copies the work tree itself
            stubs += ["--local-repository", f"{action}={folder}"]
    _commit(project, at, tag)
    workflow = "ci" if event == "change" else f"deploy-{ENVIRONMENTS[event]}"
    given = at.folder / "event.json"
    change = {"pull_request": {"number": 1, "head": {"ref": "feature"}, "base": {"ref": "main"}}}
    push = {"ref": f"refs/tags/{tag}" if tag else "refs/heads/main"}
    given.write_text(json.dumps(change if event == "change" else push))
    done = _run(
        [
            "act", "pull_request" if event == "change" else "push", "--eventpath", str(given),
            "--workflows", f".github/workflows/{workflow}.yml",
            "--platform", "ubuntu-latest=-self-hosted", *stubs,
            "--action-cache-path", str(at.folder / "actions"), "--no-cache-server",
            "--defaultbranch", "main", "--secret", f"GITHUB_TOKEN={PASSWORD}",
            "--secret", f"FLY_API_TOKEN={PASSWORD}", "--var", f"SERVICE_URL={at.url}",
            "--env", f"OSV_URL={at.url}", "--env", f"RECORD_REMOTE={RECORD}",
        ],
        project, at.environment,
    )  # fmt: skip
    ended = re.findall(
        r"^\[(?:[^\]]*/)?([^/\]]+?) *\].*Job (succeeded|failed)$", done.stdout, re.MULTILINE
    )
    jobs = {name: how == "succeeded" for name, how in ended}
    return Run(done.returncode == 0, jobs, done.stdout)


def _bb_run() -> Path:
    """Install it for the Python that services run on: ours may be too old for it."""

    def install(folder: Path) -> None:
        into = ["pip", "install", "--python", str(folder / "bin/python"), BB_RUN]
        env = {**os.environ, "PYENV_VERSION": "3.13"}  # where pyenv keeps it out of PATH
        for command in (["venv", "--clear", "--python", "3.13", str(folder)], into):
            subprocess.run(["uv", *command], env=env, check=True, capture_output=True)

    return installed(BB_RUN, "bin/bb-run", install)


def gitlab(project: Path, at: Standins, event: str, tag: str) -> Run:
    """Run with gitlab-ci-local, each job in a copy; a job's services would want an engine.

    It starts what is to be started by hand when it is told to.
    """
    if not shutil.which("rsync"):
        pytest.skip("needs rsync, with which gitlab-ci-local copies")
    (project / "overlay.yml").write_text(
        "include:\n  - local: .gitlab-ci.yml\nbuild-image:\n  services: []\n"
    )
    _commit(project, at, tag)
    of_the_event = {
        "change": ["--variable", "CI_PIPELINE_SOURCE=merge_request_event"],
        "main": [],
    }.get(event, ["--variable", f"CI_COMMIT_TAG={tag}"])
    if event != "main":
        of_the_event += ["--unset-variable", "CI_COMMIT_BRANCH"]
    if event == "release":
        of_the_event += ["--manual", "deploy-live"]
    variables = _variables(at) | {
        "CI_REGISTRY_IMAGE": REPOSITORY,
        "CI_REGISTRY_USER": "robot",
        "CI_REGISTRY_PASSWORD": PASSWORD,
    }
    given = [part for pair in variables.items() for part in ("--variable", "=".join(pair))]
    cli = from_npm("gitlab-ci-local", "gitlab-ci-local/dist/index.js")
    done = _run(
        [
            "node", str(cli), "--file", "overlay.yml", "--force-shell-executor",
            "--shell-isolation", *given, *of_the_event,
        ],
        project, at.environment,
    )  # fmt: skip
    ended = re.findall(r"^ *(PASS|FAIL) +(\S+)", done.stdout, re.MULTILINE)
    return Run(done.returncode == 0, {name: how == "PASS" for how, name in ended}, done.stdout)


def bitbucket(project: Path, at: Standins, event: str, tag: str) -> Run:
    """Run with bb-run, all steps in one folder. Variables of a deployment are given to all.

    It is told the target, and starts what is to be started by hand.
    """
    _commit(project, at, tag)
    target = {
        "change": "pull-requests.**",
        "main": "branches.main",
        "candidate": "tags.v*.*.*-rc.*",
        "release": "tags.v*.*.*",
    }[event]
    variables = _variables(at) | {
        "IMAGE_REPOSITORY": REPOSITORY,
        "REGISTRY_USER": "robot",
        "REGISTRY_PASSWORD": PASSWORD,
    }
    done = _run(
        [
            str(_bb_run()), "--mode", "host", "--target", target, "--no-services", "--no-cache",
            "--color", "never", *(["--tag", tag] if tag else []),
        ],
        project, at.environment | variables,
    )  # fmt: skip
    ended = re.findall(r"^(ok|fail)  (\S.*?)  \(", done.stdout, re.MULTILINE)
    return Run(done.returncode == 0, {name: how == "ok" for how, name in ended}, done.stdout)


def _variables(at: Standins) -> dict[str, str]:
    addresses = {"SERVICE_URL": at.url, "OSV_URL": at.url, "RECORD_REMOTE": RECORD}
    return {"CI": "true", "FLY_API_TOKEN": PASSWORD, **addresses}


def _stages(done: subprocess.CompletedProcess[str]) -> Run:
    """Give what a platform did before it deployed; ops/ci says where it stopped."""
    began = re.findall(r"^ci: (build|lint|test|scan)$", done.stdout, re.MULTILINE)
    failed = re.findall(r"^ci: (\w+) failed$", done.stdout, re.MULTILINE)
    jobs = {stage: stage not in failed for stage in began}
    return Run(done.returncode == 0, jobs, done.stdout)


def gate(project: Path, at: Standins) -> Run:
    """Run `ops/ci` as a pipeline would, without one."""
    return _stages(_run(["ops/ci"], project, at.environment | {"CI": "true", "OSV_URL": at.url}))


def render(project: Path, at: Standins, event: str, tag: str) -> Run:
    """Run the command that builds the service of main, with the variables of the blueprint."""
    del event, tag  # the same for each
    services = yaml.safe_load((project / "render.yaml").read_text())["services"]
    [service] = [service for service in services if service["branch"] == "main"]
    given = {each["key"]: each["value"] for each in service["envVars"] if "value" in each}
    variables = {"OSV_URL": at.url, "RENDER": "true", **given}
    return _stages(_run(["sh", "-c", service["buildCommand"]], project, at.environment | variables))


def vercel(project: Path, at: Standins, event: str, tag: str) -> Run:
    """Run `vercel build`, which Vercel itself runs: with a token of nobody, for a registry of none.

    What its settings say of the environment is what the README asks to set there.
    """
    del event, tag  # the same for each
    (project / ".vercel").mkdir()
    link = {"projectId": "prj_1", "orgId": "team_1", "settings": {"framework": None}}
    (project / ".vercel/project.json").write_text(json.dumps(link))
    claims = {"owner": "team", "project": "service", "owner_id": "team_1", "exp": 2**32}
    parts = [{"alg": "none"}, claims, {}]
    token = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    variables = {
        "CI": "1", "VERCEL_ENV": "production", "VERCEL_TELEMETRY_DISABLED": "1",
        "VERCEL_OIDC_TOKEN": token, "VERCEL_VCR_REGISTRY": "vcr.example.com",
        "VERCEL_API_URL": at.url, "OSV_URL": at.url, "PORT": "3000",
        "APP_ENV": "sandbox", "VITE_APP_ENV": "sandbox", "CLIENT_IP_HEADER": "x-real-ip",
    }  # fmt: skip
    cli = from_npm("vercel", "vercel/dist/vc.js")
    command = ["node", str(cli), "build", "--prod", "--yes", "--token", "none"]
    run = _stages(_run(command, project, at.environment | variables))
    image = re.findall(r"Image reference .*@sha256:", run.output)
    return replace(run, jobs={**run.jobs, **({"publish": True} if image else {})})


def run(ci: str, project: Path, at: Standins, event: str = "main", tag: str = "") -> Run:
    """Run what a provider does after a push to main or of a tag, or for a change of somebody's.

    Args:
        ci: The provider.
        project: A repository; what was changed for the runner is committed there.
        at: What the pipeline meets.
        event: `change`, `main`, `candidate` or `release`.
        tag: The tag that is pushed with the latter two.
    """
    return RUNNERS[ci](project, at, event, tag)


RUNNERS: dict[str, Callable[[Path, Standins, str, str], Run]] = {
    "github": github,
    "gitlab": gitlab,
    "bitbucket": bitbucket,
    "render": render,
    "vercel": vercel,
}
