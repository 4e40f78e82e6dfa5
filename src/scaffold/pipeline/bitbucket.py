"""Bitbucket Pipelines: `bitbucket-pipelines.yml`, whose steps are jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scaffold.pipeline import shell
from scaffold.pipeline.expression import glob
from scaffold.pipeline.model import (
    BRANCHES,
    MAX_JOBS,
    TAGS,
    Concurrency,
    Job,
    Step,
    Trigger,
    merged,
)
from scaffold.pipeline.source import document, flat, mapping, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER = "bitbucket"
FILE = "bitbucket-pipelines.yml"

_KNOWN = {
    "after-script", "artifacts", "caches", "clone", "condition", "concurrency-group", "deployment",
    "fail-fast", "image", "max-time", "name", "oidc", "on-fail", "output-variables", "runs-on",
    "runtime", "script", "services", "size", "stage", "trigger",
}  # fmt: skip
_BUILT_IN = re.compile(r"(?:CI$|BITBUCKET_|DOCKER_|PIPELINES_)")


def read(files: Mapping[str, bytes], branch: str, notes: list[str]) -> Iterator[Job]:
    """Read the pipelines."""
    if FILE in files:
        reader = _Reader(mapping(document(FILE, files[FILE])), notes)
        yield from merged(reader.jobs(branch))


class _Reader:
    def __init__(self, whole: dict[str, Any], notes: list[str]) -> None:
        self.whole, self.notes = whole, notes
        self.pipelines = mapping(whole.get("pipelines"))
        self.services = mapping(mapping(whole.get("definitions")).get("services"))

    def note(self, *where: str) -> None:
        self.notes.append(": ".join((FILE, *where)))

    def jobs(self, branch: str) -> Iterator[Job]:
        """Give the jobs, for each trigger by itself."""
        known = {"default", "branches", "tags", "pull-requests", "custom", "bookmarks"}
        if unknown := sorted(set(self.pipelines) - known):
            self.note(f"unknown pipelines: {', '.join(unknown)}")
        for trigger, section, steps in self._runs(branch):
            yield from self._run(section, steps, trigger)

    def _runs(self, branch: str) -> Iterator[tuple[Trigger, str, Any]]:
        """Give what starts a pipeline, the pipeline's place in the file, and its steps."""
        for section in ("branches", "tags", "pull-requests", "custom"):
            if self.pipelines.get(section) is not None and not isinstance(
                self.pipelines[section], dict
            ):
                self.note(section, "it is no mapping")
        for _, steps in self._matching("pull-requests", "feature/x"):
            yield Trigger.CHANGE, "pull-requests", steps
        for trigger, name in ((Trigger.MAIN, branch), (Trigger.CHANGE, "feature/x")):
            found = next(self._matching("branches", name), None)
            if found:
                yield trigger, f"branches {found[0]}", found[1]
            elif "default" in self.pipelines:
                yield trigger, "default", self.pipelines["default"]
        yield from self._released()
        for name, steps in mapping(self.pipelines.get("custom")).items():
            yield Trigger.MANUAL, f"custom {name}", steps

    def _released(self) -> Iterator[tuple[Trigger, str, Any]]:
        """Give the pipelines of tags, or of branches that environments are named after."""
        for trigger, names in TAGS.items():
            tagged = next((f for name in names for f in self._matching("tags", name)), None)
            named = [
                b
                for b, t in BRANCHES.items()
                if t is trigger and b in mapping(self.pipelines.get("branches"))
            ]
            if tagged:
                yield trigger, f"tags {tagged[0]}", tagged[1]
            elif named:
                yield trigger, f"branches {named[0]}", mapping(self.pipelines["branches"])[named[0]]

    def _matching(self, section: str, name: str) -> Iterator[tuple[str, Any]]:
        """Give the pipelines whose pattern fits a name; the most specific one alone counts."""
        patterns = mapping(self.pipelines.get(section))
        ranked = sorted(
            patterns, key=lambda p: (p != name, -len(re.sub(r"[*?]", "", p)), p.count("*"))
        )
        for pattern in ranked:
            if glob(pattern).fullmatch(name):
                yield pattern, patterns[pattern]
                return

    def _run(self, section: str, steps: Any, trigger: Trigger) -> Iterator[Job]:
        if isinstance(steps, dict):
            self.note(section, "it is imported from another repository, and was not read")
            return
        before: tuple[str, ...] = ()
        number = 0
        for item in flat(steps):
            made: list[Job] = []
            if number > MAX_JOBS:
                self.note(section, f"more than {MAX_JOBS} steps; the rest was not read")
                return
            for step, stage in self._together(section, item):
                number += 1
                made.append(self._job(f"{section} {number}", step, stage, trigger, before))
                if stage is not None:
                    before = (made[-1].id,)  # the steps of a stage follow each other
            yield from made
            if "stage" not in mapping(item) and made:
                before = tuple(job.id for job in made)

    def _together(
        self, section: str, item: Any
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Give the steps of one item of a pipeline, and the stage that they are in."""
        spec = mapping(item)
        if "step" in spec:
            yield mapping(spec["step"]), None
        elif "parallel" in spec:
            group = spec["parallel"]
            for each in flat(mapping(group).get("steps") if isinstance(group, dict) else group):
                yield mapping(mapping(each).get("step")), None
        elif "stage" in spec:
            stage = mapping(spec["stage"])
            first = True
            for each in flat(stage.get("steps")):
                if "step" not in mapping(each):
                    self.note(section, "a stage has something else than steps")
                    continue
                # What starts or limits the stage is in front of its first step.
                keys: dict[str, Any] = {
                    k: stage[k]
                    for k in ("deployment", "condition", "concurrency-group")
                    if k in stage
                }
                if first and "trigger" in stage:
                    keys["trigger"] = stage["trigger"]
                yield mapping(mapping(each)["step"]), keys
                first = False
        elif "variables" not in spec:
            self.note(section, f"unknown: {', '.join(spec) or text(item) or 'an empty item'}")

    def _job(
        self,
        name: str,
        own: dict[str, Any],
        stage: dict[str, Any] | None,
        trigger: Trigger,
        before: tuple[str, ...],
    ) -> Job:
        step = {**(stage or {}), **own}
        if unknown := sorted(set(step) - _KNOWN):
            self.note(name, f"unknown: {', '.join(unknown)}")
        steps = tuple(self._steps(name, step))
        texts = [each for s in steps for each in (s.run, *(value for _, value in s.inputs))]
        image = step.get("image", self.whole.get("image"))
        images = [text(mapping(image).get("name", image))]
        for service in map(text, flat(step.get("services"))):
            described = mapping(self.services.get(service)).get("image")
            images.append(text(mapping(described).get("name", described)))
            if service not in self.services and service != "docker":
                self.note(name, f"the service '{service}' is not defined")
        texts += strings(image)
        used = {n for n in shell.names("\n".join(texts)) if not _BUILT_IN.match(n)}
        where = text(step.get("deployment"))
        limit = step.get("max-time", mapping(self.whole.get("options")).get("max-time"))
        conditional = "condition" in step
        if conditional:
            self.note(name, "whether it runs depends on the files that a change touches")
        group = text(step.get("concurrency-group"))
        manual = text(step.get("trigger")) == "manual"
        return Job(
            id=name,
            provider=PROVIDER,
            file=FILE,
            name=text(step.get("name")),
            triggers=frozenset({trigger}),
            uncertain=frozenset({trigger}) if conditional else frozenset(),
            needs=before,
            steps=steps,
            condition="trigger: manual" if manual else "",
            environment=where,
            approval="manual" if manual else "environment" if where else "",
            secrets=tuple(sorted(n for n in used if shell.is_secret(n))),
            variables=tuple(sorted(n for n in used if not shell.is_secret(n))),
            ambient=True,
            timeout=limit
            if isinstance(limit, int | float) and not isinstance(limit, bool)
            else None,
            permissions=(("id-token", "write"),) if step.get("oidc") is True else None,
            concurrency=Concurrency(group=group or where, exclusive=True, queued=True)
            if group or where
            else None,
            images=tuple(each for each in images if each),
            tolerated=_tolerated(step.get("on-fail")),
        )

    def _steps(self, name: str, step: dict[str, Any]) -> Iterator[Step]:
        for key in ("script", "after-script"):
            for line in flat(step.get(key)):
                spec = mapping(line)
                if "pipe" in spec:
                    inputs = tuple(
                        sorted((k, text(v)) for k, v in mapping(spec.get("variables")).items())
                    )
                    yield Step(name=text(spec.get("name")), uses=text(spec["pipe"]), inputs=inputs)
                elif text(line):
                    lost = key == "after-script" and shell.stages(text(line))
                    yield Step(
                        run=text(line), tolerated=f"after-script: {text(line)}" if lost else ""
                    )
                else:
                    self.note(name, "a line of its script is no text")


def _tolerated(value: Any) -> str:
    strategy = text(mapping(value).get("strategy", value)) if value is not None else ""
    return f"on-fail: {strategy}" if strategy == "ignore" else ""
