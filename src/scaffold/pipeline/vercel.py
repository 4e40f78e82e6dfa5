"""Vercel: what a push makes it build and deploy, as `vercel.json` says."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scaffold.pipeline import dockerfile, shell
from scaffold.pipeline.expression import UNKNOWN, evaluate, glob
from scaffold.pipeline.model import BRANCHES, Concurrency, Job, Step, Trigger
from scaffold.pipeline.source import json_document, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER = "vercel"
FILE = "vercel.json"
#: What says what `ops/release` pushes; the last in projects of before the engine.
RELEASES = ("ops/lib/engine/pipeline.py", "ops/lib/ci.sh")
#: Minutes after which Vercel itself stops a build.
LIMIT = 45
#: Where an environment follows a branch of its own, the default branch is the first one's.
FIRST = "sandbox"
_IMAGE = re.compile(r"(?:Docker|Container)file(?:\.vercel)?$", re.IGNORECASE)


def read(files: Mapping[str, bytes], branch: str, notes: list[str]) -> Iterator[Job]:
    """Read what a project of Vercel that is connected to the repository does.

    Whether one is connected, and what its settings say, is in no file. The default branch is taken
    for the production branch, unless branches are named that environments are named after, by the
    file or by what `ops/release` pushes: then each is an environment, and the default branch is
    `sandbox`.
    """
    if FILE not in files:
        return
    found = mapping(json_document(FILE, files[FILE]))
    allowed = mapping(found.get("git")).get("deploymentEnabled", True)
    if mapping(found.get("github")).get("enabled") is False:
        allowed = False
    told = b"".join(files.get(path, b"") for path in RELEASES)
    pushed = re.findall(rb"refs/heads/([\w-]+)", told)
    named = [
        name
        for name in BRANCHES
        if _deploys(allowed, name)
        and (name.encode() in pushed or (isinstance(allowed, dict) and name in allowed))
    ]
    steps = tuple(_build(found, files, notes))
    wanted = [(Trigger.MAIN, branch, FIRST if named else "production")]
    wanted += [(BRANCHES[name], name, name) for name in named]
    wanted += [(Trigger.CHANGE, "feature/x", "preview")]
    for trigger, name, environment in wanted:
        skipped = _skipped(found, name, environment)
        if not _deploys(allowed, name) or skipped:
            continue
        if skipped is None:
            notes.append(f"{FILE}: ignoreCommand: it may keep {environment} from being built")
        for job in _pair(steps, trigger, environment):
            yield job if skipped is False else replace(job, uncertain=job.triggers)


def _skipped(found: dict[str, Any], branch: str, environment: str) -> bool | None:
    """Tell whether `ignoreCommand` exits 0, and so no build starts; None when nobody can tell."""
    command = text(found.get("ignoreCommand"))
    if not command:
        return False
    known = {
        "VERCEL_ENV": "preview" if environment == "preview" else "production",
        "VERCEL_GIT_COMMIT_REF": branch,
    }
    condition = re.sub(r"\[+\s+(.*?)\s+\]+", r"(\1)", command)
    condition = re.sub(r'"(\$\{?\w+\}?)"', r"\1", condition)
    condition = re.sub(
        r"\s(!?)=+\s+\"?([\w/-]+)\"?", lambda m: f" {m[1] or '='}= '{m[2]}'", condition
    )
    return evaluate(condition, lambda name: known.get(name.strip("${}"), UNKNOWN))


def _deploys(allowed: Any, branch: str) -> bool:
    """Tell whether a push to a branch makes a deployment; what is not named does."""
    if not isinstance(allowed, dict):
        return allowed is not False
    if branch in allowed:
        return allowed[branch] is not False
    found = [value for pattern, value in allowed.items() if glob(pattern).fullmatch(branch)]
    return not found or any(value is not False for value in found)


def _build(found: dict[str, Any], files: Mapping[str, bytes], notes: list[str]) -> Iterator[Step]:
    """Give what is run, service after service where there are several."""
    services = mapping(found.get("services", found.get("experimentalServicesV2")))
    for name, service in services.items() or [("", found)]:
        its = mapping(service)
        entrypoint = text(its.get("entrypoint"))
        if its.get("runtime") == "container" or _IMAGE.search(entrypoint):
            path = posixpath.normpath(
                posixpath.join(text(its.get("root")), entrypoint or "Dockerfile")
            )
            if path not in files:
                notes.append(f"{FILE}: {name}: {path} was not read")
            for command in dockerfile.commands(files.get(path, b"")):
                yield Step(name=f"RUN in {path}", run=command, pipes=True, loose=True)
            continue
        for key in ("installCommand", "buildCommand"):
            if text(its.get(key)):
                yield Step(
                    name=f"{name} {key}".strip(), run=text(its.get(key)), pipes=True, loose=True
                )


def _pair(steps: tuple[Step, ...], trigger: Trigger, environment: str) -> Iterator[Job]:
    used = {n for step in steps for n in shell.names(step.run) if not n.startswith("VERCEL")}
    secrets = tuple(sorted(n for n in used if shell.is_secret(n)))
    variables = tuple(sorted(n for n in used if not shell.is_secret(n)))
    build = Job(
        id=f"{environment}/build",
        provider=PROVIDER,
        file=FILE,
        name="Build",
        triggers=frozenset({trigger}),
        steps=steps,
        ambient=True,
        secrets=secrets,
        variables=variables,
        timeout=LIMIT,
        concurrency=Concurrency(exclusive=True),
    )
    yield build
    yield Job(
        id=f"{environment}/deploy",
        provider=PROVIDER,
        file=FILE,
        name="Deploy",
        triggers=frozenset({trigger}),
        needs=(build.id,),
        steps=(Step(name="Deploy", uses=PROVIDER),),
        environment=environment,
        ambient=True,
        timeout=LIMIT,
        concurrency=Concurrency(exclusive=True),
    )
