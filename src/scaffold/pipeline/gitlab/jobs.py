"""The jobs of a pipeline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scaffold.pipeline import shell
from scaffold.pipeline.gitlab.configuration import DEFAULTS, FILE, Configuration, values_of
from scaffold.pipeline.gitlab.rules import Rules
from scaffold.pipeline.model import MAX_JOBS, Concurrency, Job, Step, Trigger
from scaffold.pipeline.source import flat, items, mapping, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


PROVIDER = "gitlab"

#: Keys at the top that are no jobs.
_GLOBAL = {
    "after_script", "before_script", "cache", "default", "image", "include", "services", "spec",
    "stages", "types", "variables", "workflow",
}  # fmt: skip
_KNOWN = {
    *DEFAULTS, "allow_failure", "coverage", "dependencies", "environment", "except", "extends",
    "inherit", "manual_confirmation", "needs", "only", "pages", "parallel", "publish", "release",
    "resource_group", "rules", "run", "script", "secrets", "stage", "start_in", "variables", "when",
    "dast_configuration",
}  # fmt: skip
#: What GitLab sets itself.
_BUILT_IN = re.compile(r"(?:CI|GITLAB|FF|RUNNER|DOCKER|GIT|KUBERNETES)(?:_|$)")


class Jobs:
    """The jobs of a repository's pipeline.

    Args:
        files: The files of the repository.
        branch: Its main branch.
        notes: What could not be read, to be added to.
    """

    def __init__(self, files: Mapping[str, bytes], branch: str, notes: list[str]) -> None:
        self.said = Configuration(files, branch, notes)
        self.rules = Rules(self.said)

    def all(self) -> Iterator[Job]:
        """Give the jobs, for each trigger by itself."""
        mine = {
            name: {**self._defaults(job), **job}
            for name, job in self.said.all.items()
            if name not in _GLOBAL and not name.startswith(".") and isinstance(job, dict)
        }
        if len(mine) > MAX_JOBS:
            self.said.note(FILE, f"more than {MAX_JOBS} jobs; the rest was not read")
            mine = dict(list(mine.items())[:MAX_JOBS])
        self._noted(mine)
        for trigger, occasions in self.rules.occasions().items():
            found: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {}
            for occasion in occasions:
                for context in occasion:
                    if not self.rules.started(context):
                        continue
                    for name, job in mine.items():
                        outcome = self.rules.outcome(job, context)
                        if outcome and name not in found:
                            found[name] = (job, *outcome)
            yield from self._made(trigger, found)

    def _noted(self, mine: Mapping[str, dict[str, Any]]) -> None:
        for name, job in mine.items():
            if unknown := sorted(set(job) - _KNOWN - {"trigger"}):
                self.said.note(self.said.file(name), name, f"unknown: {', '.join(unknown)}")
            if "trigger" in job:
                self.said.note(
                    self.said.file(name), name, "the pipeline that it triggers was not read"
                )
            for need in self._needs(job) or ():
                if need not in mine:
                    self.said.note(
                        self.said.file(name), name, f"it needs '{need}', which is no job"
                    )

    def _defaults(self, job: dict[str, Any]) -> dict[str, Any]:
        inherit = mapping(job.get("inherit")).get("default", True)
        if isinstance(inherit, list):
            return {
                key: self.said.default[key]
                for key in map(text, inherit)
                if key in self.said.default
            }
        return self.said.default if inherit is not False else {}

    def _needs(self, job: dict[str, Any]) -> list[str] | None:
        """Give what a job names as needed; None when it waits for all stages before its own."""
        if "needs" not in job:
            return None
        found = [need if isinstance(need, dict) else {"job": need} for need in flat(job["needs"])]
        return [
            text(need.get("job"))
            for need in found
            if "job" in need and not {"project", "pipeline"} & set(need)
        ]

    def _made(
        self, trigger: Trigger, found: Mapping[str, tuple[dict[str, Any], dict[str, Any], bool]]
    ) -> Iterator[Job]:
        places = {name: self._place(job) for name, (job, *_) in found.items()}
        for name, (written, outcome, certain) in found.items():
            variables = (written.get("variables"), outcome.get("variables"))
            set_here = {key: value for each in variables for key, value in mapping(each).items()}
            job = {**written, **outcome, "variables": set_here}
            needs = self._needs(job)
            if needs is None:
                needs = [other for other, place in places.items() if place < places[name]]
            needs = [need for need in dict.fromkeys(needs) if need in found]
            if not certain:
                self.said.note(
                    self.said.file(name),
                    name,
                    f"whether it runs after {trigger} depends on more than its files",
                )
            yield self._job(name, job, trigger, tuple(needs), certain=certain)

    def _place(self, job: dict[str, Any]) -> int:
        return self.said.stages.get(text(job.get("stage")) or "test", len(self.said.stages))

    def _job(
        self,
        name: str,
        job: dict[str, Any],
        trigger: Trigger,
        needs: tuple[str, ...],
        *,
        certain: bool,
    ) -> Job:
        variables = {**self.said.variables, **values_of(job.get("variables"))}
        if mapping(job.get("inherit")).get("variables") is False:
            variables = values_of(job.get("variables"))
        environment = job.get("environment")
        action = text(mapping(environment).get("action")) or "start"
        where = _expanded(text(mapping(environment).get("name", environment)), variables)
        steps = tuple(self._steps(job))
        texts = [
            *(step.run for step in steps),
            *strings(job.get("variables")),
            *strings(self.said.all.get("variables")),
            *strings(job.get("image")),
        ]
        named = shell.names("\n".join(texts)) - set(variables)
        used = {n for n in named if not _BUILT_IN.match(n)}
        vaulted = set(mapping(job.get("secrets")))
        vaulted |= named & _REGISTRY
        tokens = mapping(job.get("id_tokens"))
        images = [mapping(job.get("image")).get("name", job.get("image"))]
        images += [mapping(each).get("name", each) for each in flat(job.get("services"))]
        when = text(job.get("when"))
        return Job(
            id=name,
            provider=PROVIDER,
            file=self.said.file(name),
            name=name,
            triggers=frozenset({trigger}),
            uncertain=frozenset() if certain else frozenset({trigger}),
            needs=needs,
            ignores=needs if when == "always" else (),
            steps=steps,
            condition=f"when: {when}" if when in {"always", "manual"} else "",
            environment=where,
            deploys=action == "start",
            approval="manual" if when == "manual" else "environment" if where else "",
            secrets=tuple(sorted(vaulted | {n for n in used if shell.is_secret(n)})),
            variables=tuple(sorted(n for n in used - vaulted if not shell.is_secret(n))),
            ambient=True,
            timeout=self._minutes(name, job.get("timeout")),
            permissions=tuple((f"id-token {token}", "write") for token in sorted(tokens)) or None,
            concurrency=_concurrency(job, variables),
            images=tuple(_expanded(text(image), variables) for image in images if text(image)),
            copies=_copies(job.get("parallel")),
            tolerated=_tolerated(job),
        )

    def _steps(self, job: dict[str, Any]) -> Iterator[Step]:
        for key in ("before_script", "script"):
            for line in flat(job.get(key)):
                if text(line):
                    yield Step(run=text(line))
        if job.get("trigger") is not None:
            spec = job["trigger"]
            yield Step(uses=f"trigger {text(mapping(spec).get('project', spec))}".strip())
        if isinstance(job.get("release"), dict):
            yield Step(uses="gitlab-release")
        if job.get("pages") not in (None, False):
            yield Step(uses="pages")
        for line in flat(job.get("after_script")):
            stages = shell.stages(text(line))
            if text(line):
                yield Step(
                    run=text(line), tolerated=f"after_script: {text(line)}" if stages else ""
                )

    def _minutes(self, name: str, value: Any) -> float | None:
        if value is None:
            return None
        found = minutes(text(value))
        if found is None:
            self.said.note(self.said.file(name), name, "its timeout was not understood")
        return found


#: What GitLab gives a job for its registry.
_REGISTRY = {"CI_REGISTRY_PASSWORD", "CI_JOB_TOKEN", "CI_DEPLOY_PASSWORD"}

_UNITS = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440, "w": 10080}


def minutes(written: str) -> float | None:
    """Read a duration like `1h 30m`, `15 minutes`; a bare number is seconds. None: no duration."""
    parts = re.findall(r"(\d{1,6}(?:\.\d{1,3})?)\s*(months?|[a-z]*)", written.lower())
    if not parts or re.sub(r"[\d.]+\s*[a-z]*|[\s,]|and", "", written.lower()):
        return None
    total = 0.0
    for number, unit in parts:
        if unit.startswith("mo") or (unit and unit[0] not in _UNITS):
            return None
        total += float(number) * _UNITS[unit[0] if unit else "s"]
    return round(total, 2)


def _expanded(value: str, variables: Mapping[str, str]) -> str:
    """Put the file's own variables into a text, once."""
    return re.sub(
        r"\$(?:\{(\w+)\}|(\w+))",
        lambda match: variables.get(match[1] or match[2], match[0]),
        value,
    )[:1000]


def _concurrency(job: dict[str, Any], variables: Mapping[str, str]) -> Concurrency | None:
    group = _expanded(text(job.get("resource_group")), variables)
    cancels = job.get("interruptible") is True
    if not group and not cancels:
        return None
    return Concurrency(group=group, exclusive=bool(group), queued=bool(group), cancels=cancels)


def _copies(value: Any) -> int:
    if isinstance(value, int):
        return value
    if not isinstance(value, dict):
        return 1
    total = 0
    for row in map(mapping, flat(value.get("matrix"))):
        count = 1
        for axis in row.values():
            count *= len(items(axis)) or 1
        total += count
    return total


def _tolerated(job: dict[str, Any]) -> str:
    value = job.get("allow_failure")
    if isinstance(value, dict):
        return f"allow_failure: exit codes {', '.join(map(text, items(value.get('exit_codes'))))}"
    if value is not True and text(value) != "true":
        return ""
    return (
        "when: manual without allow_failure: false"
        if text(job.get("when")) == "manual"
        else "allow_failure: true"
    )
