"""Render: the services of `render.yaml`, each a build that gates a deploy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scaffold.pipeline import dockerfile, shell
from scaffold.pipeline.model import BRANCHES, Concurrency, Job, Step, Trigger, merged
from scaffold.pipeline.source import document, flat, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER = "render"
FILES = ("render.yaml", "render.yml")
#: Minutes after which Render itself stops a build, and a command before a deploy.
BUILD_LIMIT, DEPLOY_LIMIT = 120, 30
#: Services without code of this repository.
_STORES = {"keyvalue", "redis"}


def read(files: Mapping[str, bytes], branch: str, notes: list[str]) -> Iterator[Job]:
    """Read the blueprint."""
    for path in FILES:
        if path in files:
            blueprint = mapping(document(path, files[path]))
            reader = _Reader(path, files, branch, notes, blueprint)
            yield from merged(reader.jobs())


class _Reader:
    def __init__(
        self,
        path: str,
        files: Mapping[str, bytes],
        branch: str,
        notes: list[str],
        blueprint: dict[str, Any],
    ) -> None:
        self.path, self.files, self.branch, self.notes = path, files, branch, notes
        self.blueprint = blueprint

    def note(self, *where: str) -> None:
        self.notes.append(": ".join((self.path, *where)))

    def jobs(self) -> Iterator[Job]:
        """Give a build and a deploy for each service and trigger."""
        for service, environment in self._services():
            name = text(service.get("name")) or "a service"
            kind = text(service.get("type"))
            if kind in _STORES:
                continue
            repository = text(service.get("repo"))
            if repository:
                self.note(name, f"its code may be that of another repository, {repository}")
            trigger, branch = self._trigger(name, service)
            where = environment or _environment(name, branch) or text(branch) or "production"
            if trigger is not None:
                yield from self._pair(name, service, trigger, where)
            previews = mapping(service.get("previews", service.get("pullRequestPreviewsEnabled")))
            generation = text(previews.get("generation")) or text(
                mapping(self.blueprint.get("previews")).get("generation")
            )
            if generation == "automatic" or service.get("pullRequestPreviewsEnabled") is True:
                yield from self._pair(name, service, Trigger.CHANGE, "preview")

    def _services(self) -> Iterator[tuple[dict[str, Any], str]]:
        for service in flat(self.blueprint.get("services")):
            yield mapping(service), ""
        for project in flat(self.blueprint.get("projects")):
            for environment in map(mapping, flat(mapping(project).get("environments"))):
                for service in flat(environment.get("services")):
                    yield mapping(service), text(environment.get("name"))

    def _trigger(self, name: str, service: dict[str, Any]) -> tuple[Trigger | None, str]:
        branch = text(service.get("branch"))
        if _automatic(service) == "off":
            return Trigger.MANUAL, branch
        if not branch or branch == self.branch:
            return Trigger.MAIN, branch
        if branch not in BRANCHES:
            self.note(name, f"the branch {branch} belongs to no trigger known here")
        return BRANCHES.get(branch), branch

    def _pair(
        self, name: str, service: dict[str, Any], trigger: Trigger, environment: str
    ) -> Iterator[Job]:
        prefix = f"{name} preview" if environment == "preview" else name
        secrets, variables = self._variables(service)
        build = Job(
            id=f"{prefix}/build",
            provider=PROVIDER,
            file=self.path,
            name=f"Build {name}",
            triggers=frozenset({trigger}),
            # "*" is all that other providers check for the commit.
            needs=("*",) if _automatic(service) == "checksPass" else (),
            steps=tuple(self._build(name, service)),
            ambient=True,
            secrets=secrets,
            variables=variables,
            timeout=BUILD_LIMIT,
            concurrency=Concurrency(group=name, exclusive=True, cancels=True),
            images=tuple(filter(None, [text(mapping(service.get("image")).get("url"))])),
        )
        yield build
        before = text(service.get("preDeployCommand"))
        yield Job(
            id=f"{prefix}/deploy",
            provider=PROVIDER,
            file=self.path,
            name=f"Deploy {name}",
            triggers=frozenset({trigger}),
            needs=(build.id,),
            steps=(
                *((Step(name="preDeployCommand", run=before, pipes=True),) if before else ()),
                Step(name="Deploy", uses=PROVIDER),
            ),
            environment=environment,
            ambient=True,
            secrets=secrets,
            variables=variables,
            timeout=DEPLOY_LIMIT,
            concurrency=Concurrency(group=name, exclusive=True),
        )

    def _build(self, name: str, service: dict[str, Any]) -> Iterator[Step]:
        runtime = text(service.get("runtime", service.get("env")))
        if runtime == "image":
            return
        if runtime == "docker":
            folder = text(service.get("rootDir")).strip("/")
            path = (text(service.get("dockerfilePath")) or "Dockerfile").removeprefix("./")
            path = f"{folder}/{path}" if folder and not path.startswith(f"{folder}/") else path
            if path in self.files:
                for command in dockerfile.commands(self.files[path]):
                    yield Step(name=f"RUN in {path}", run=command, pipes=True, loose=True)
            else:
                self.note(name, f"{path} was not read")
            return
        command = text(service.get("buildCommand"))
        if command:
            yield Step(name="buildCommand", run=command, pipes=True)
        else:
            self.note(name, "it has no buildCommand; what Render runs instead is not in a file")

    def _variables(self, service: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give what somebody has to set by hand, which is secret, and what the file sets."""
        found = [mapping(each) for each in flat(service.get("envVars"))]
        groups = {text(each["fromGroup"]) for each in found if "fromGroup" in each}
        for group in map(mapping, flat(self.blueprint.get("envVarGroups"))):
            if text(group.get("name")) in groups:
                found += [mapping(each) for each in flat(group.get("envVars"))]
        by_hand = {text(each.get("key")) for each in found if each.get("sync") is False}
        used = set(
            shell.names(
                f"{text(service.get('buildCommand'))} {text(service.get('preDeployCommand'))}"
            )
        )
        used = {n for n in used if not n.startswith("RENDER") and n not in {"PORT", "HOME", "PATH"}}
        set_here = {text(each.get("key")) for each in found}
        secrets = by_hand | {n for n in used - set_here if shell.is_secret(n)}
        return tuple(sorted(secrets)), tuple(sorted(used - secrets - set_here))


def _automatic(service: dict[str, Any]) -> str:
    """Tell what makes a service deploy: `commit`, `checksPass` or `off`."""
    written = text(service.get("autoDeployTrigger"))
    if written in {"commit", "checksPass", "off"}:
        return written
    return "off" if text(service.get("autoDeploy")) in {"false", "no"} else "commit"


_KINDS = ("sandbox", "testbed", "staging", "live", "production", "prod", "preview")


def _environment(name: str, branch: str) -> str:
    """Find the environment that a service is named after."""
    end = re.split(r"[-_.]", name)[-1]
    return end if end in _KINDS or end == branch else ""
