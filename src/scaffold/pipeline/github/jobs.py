"""Jobs of workflows, with those that they call and the repository's own actions."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from scaffold.pipeline.github.events import Call, Context, Workflows, context_of
from scaffold.pipeline.github.expressions import (
    both,
    condition_of,
    holds,
    mentioned,
    runs_anyway,
    substituted,
)
from scaffold.pipeline.github.keys import (
    copies,
    inputs_of,
    local,
    permissions_of,
    tolerated_by,
    unchecked,
)
from scaffold.pipeline.model import MAX_JOBS, Concurrency, Job, Step, order
from scaffold.pipeline.source import document, items, mapping, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER = "github"
#: Jobs and steps, for all triggers together.
MAX_PARTS = 6 * MAX_JOBS
#: How deep workflows and actions may call each other.
MAX_DEPTH = 10

_NO_STEP = Step()


@dataclass(frozen=True)
class _Place:
    """A job at hand: where it is written, its condition, how it was started, and whether surely."""

    path: str
    name: str
    condition: str
    call: Call
    _: KW_ONLY
    certain: bool = True

    @property
    def contexts(self) -> list[Context]:
        return [context for occasion in self.call.occasions for context in occasion]


class Jobs:
    """The jobs of a repository's workflows.

    Args:
        files: The files of the repository.
        branch: Its main branch.
        notes: What could not be read, to be added to.
    """

    def __init__(self, files: Mapping[str, bytes], branch: str, notes: list[str]) -> None:
        self.files = files
        self.workflows = Workflows(files, branch, notes)
        self.left = MAX_PARTS
        self.actions: dict[str, dict[str, Any]] = {}

    def all(self) -> Iterator[Job]:
        """Give the jobs of all workflows, those that come after others after those."""
        return self._chained(
            [job for path in sorted(self.workflows.parsed) for job in self._of(path)]
        )

    def _of(self, path: str) -> Iterator[Job]:
        """Give the jobs of one workflow, for each trigger by itself."""
        for trigger, occasions in self.workflows.occasions(path).items():
            prefix = f"{PurePosixPath(path).stem}/"
            yield from self._run(path, Call(trigger, occasions, prefix, chain=(path,)))

    def _chained(self, jobs: list[Job]) -> Iterator[Job]:
        """Put the jobs of workflows that come after others after those."""
        for job in jobs:
            before = self.workflows.upstream.get(job.file, [])
            names = tuple(dict.fromkeys(j.id for j in jobs if j.file in before))
            if not names:
                yield job
                continue
            failed = {"github.event.workflow_run.conclusion": "failure"}
            gated = any(
                holds(condition, [context_of("workflow_run", "main") | failed]) is False
                for condition in job.condition.split("\n")
                if condition
            )
            ignored = () if gated else names
            yield replace(job, needs=(*job.needs, *names), ignores=(*job.ignores, *ignored))

    def _run(self, path: str, call: Call) -> Iterator[Job]:
        workflow = self.workflows.parsed[path]
        jobs = workflow.get("jobs")
        if not isinstance(jobs, dict):
            self.workflows.note(path, "it has no jobs")
            return
        expanded: dict[str, tuple[str, ...]] = {}
        for name in self._order(path, jobs):
            self.left -= 1
            if self.left < 0:
                self.workflows.note(path, f"more than {MAX_PARTS} jobs and steps; not all was read")
                return
            made = self._job(path, name, mapping(jobs[name]), call, expanded)
            if made:
                expanded[name] = tuple(dict.fromkeys(job.id for job in made))
                yield from made

    def _order(self, path: str, jobs: dict[str, Any]) -> list[str]:
        """Put jobs after what they need."""
        if len(jobs) > MAX_JOBS:
            self.workflows.note(path, f"more than {MAX_JOBS} jobs; the rest was not read")
        names = list(jobs)[:MAX_JOBS]
        needs = [list(map(text, items(mapping(jobs[name]).get("needs")))) for name in names]
        placed = order(list(zip(names, needs, strict=True)))
        rank = {names[place]: n for n, place in enumerate(placed)}
        circle = [
            name
            for name, wanted in zip(names, needs, strict=True)
            if any(rank.get(each, -1) >= rank[name] for each in wanted)
        ]
        if circle:
            self.workflows.note(
                path, f"{', '.join(circle)}: what it needs comes after it, in a circle"
            )
        return sorted(names, key=rank.__getitem__)

    def _job(
        self,
        path: str,
        name: str,
        job: dict[str, Any],
        call: Call,
        expanded: dict[str, tuple[str, ...]],
    ) -> list[Job]:
        known = mapping(self.workflows.parsed[path].get("jobs"))
        needed = [need for need in map(text, items(job.get("needs"))) if need in known]
        for need in map(text, items(job.get("needs"))):
            if need not in known:
                self.workflows.note(path, name, f"it needs '{need}', which is no job")
        condition = condition_of(job.get("if"), call)
        anyway = runs_anyway(condition)
        if not anyway and any(need not in expanded for need in needed):
            return []  # what it needs is skipped, and so is it
        results = {
            f"needs.{need}.result": "success" if need in expanded else "skipped" for need in needed
        }
        chosen, certain = self._chosen(condition, call, results)
        if not chosen:
            return []
        if not certain and condition:
            self.workflows.note(path, name, f"whether it runs depends on: {condition}")
        ignored = [
            need
            for need in needed
            if anyway
            and holds(
                condition, chosen, {**results, f"needs.{need}.result": "failure"}, failed=True
            )
            is not False
        ]
        before = tuple(dict.fromkeys(j for need in needed for j in expanded.get(need, ())))
        ignores = tuple(dict.fromkeys(j for need in ignored for j in expanded.get(need, ())))
        inner = replace(
            call,
            occasions=[[context] for context in chosen],
            needs=before if needed else call.needs,
            ignores=ignores if needed else call.ignores,
        )
        if job.get("uses") is not None:
            return self._called(_Place(path, name, condition, inner), job)
        return [self._plain(_Place(path, name, condition, inner, certain=certain), job)]

    def _chosen(
        self, condition: str, call: Call, results: Mapping[str, Any]
    ) -> tuple[list[Context], bool]:
        """Give the first context of each occasion that starts a job, and whether it surely does."""
        chosen, certain = [], False
        for occasion in call.occasions:
            for context in occasion:
                sure = holds(condition, [context], results)
                if sure is not False:
                    chosen.append(context)
                    certain = certain or (sure is True and not context.get("paths"))
                    break
        return chosen, certain

    def _called(self, here: _Place, job: dict[str, Any]) -> list[Job]:
        """Give the jobs of the workflow that a job calls."""
        call = here.call
        uses = text(job.get("uses"))
        target = local(uses)
        known = target in {*self.workflows.parsed} - {*call.chain} and len(call.chain) <= MAX_DEPTH
        if not known or "workflow_call" not in self.workflows.events(target):
            why = "is none that can be called" if known else "was not read"
            self.workflows.note(here.path, here.name, f"the workflow {uses} {why}")
            step = Step(
                name=text(job.get("name")), uses=uses, inputs=inputs_of(job.get("with"), call)
            )
            plain = {key: value for key, value in job.items() if key != "uses"}
            return [replace(self._plain(here, plain), steps=(step,))]
        declared = mapping(mapping(self.workflows.events(target)["workflow_call"]).get("inputs"))
        defaults = {key: text(mapping(value).get("default")) for key, value in declared.items()}
        given = {
            key: substituted(text(value), call) for key, value in mapping(job.get("with")).items()
        }
        handed = {
            key: substituted(text(value), call)
            for key, value in mapping(job.get("secrets")).items()
        }
        permissions = permissions_of(job.get("permissions"))
        inner = replace(
            call,
            prefix=f"{call.prefix}{here.name}/",
            inputs={**defaults, **given},
            secrets=handed,
            permissions=call.permissions if permissions is None else permissions,
            chain=(*call.chain, target),
        )
        found = list(self._run(target, inner))
        return [replace(job, condition=both(here.condition, job.condition)) for job in found]

    def _plain(self, here: _Place, job: dict[str, Any]) -> Job:
        call, path, name = here.call, here.path, here.name
        workflow = self.workflows.parsed[path]
        shell = text(mapping(mapping(job.get("defaults")).get("run")).get("shell")) or text(
            mapping(mapping(workflow.get("defaults")).get("run")).get("shell")
        )
        steps = tuple(self._steps(here, items(job.get("steps")), shell))
        around = [
            *strings(workflow.get("env")),
            *strings({key: value for key, value in job.items() if key != "steps"}),
        ]
        texts = [substituted(each, call) for each in around]
        secrets, variables = mentioned(texts)
        if any(
            re.search(r"toJSON\(\s*secrets\s*\)|secrets\[", each, re.IGNORECASE) for each in texts
        ):
            self.workflows.note(path, name, "it takes secrets by names that are computed")
        environment = job.get("environment")
        environment = mapping(environment).get("name", environment)
        container = job.get("container")
        images = [mapping(container).get("image", container)]
        images += [mapping(each).get("image") for each in mapping(job.get("services")).values()]
        permissions = permissions_of(job.get("permissions"))
        if permissions is None:
            permissions = permissions_of(workflow.get("permissions"))
        return Job(
            id=f"{call.prefix}{name}",
            provider=PROVIDER,
            file=path,
            name=substituted(text(job.get("name")), call),
            triggers=frozenset({call.trigger}),
            uncertain=frozenset() if here.certain else frozenset({call.trigger}),
            needs=call.needs,
            ignores=call.ignores,
            steps=steps,
            condition=here.condition,
            environment=substituted(text(environment), call),
            deploys=mapping(job.get("environment")).get("deployment") is not False,
            approval="environment" if environment else "",
            secrets=_sorted(secrets, *(step.secrets for step in steps)),
            variables=_sorted(variables, *(step.variables for step in steps)),
            timeout=self._minutes(here, job.get("timeout-minutes")),
            permissions=call.permissions if permissions is None else permissions,
            concurrency=self._concurrency(here, job),
            images=tuple(substituted(text(image), call) for image in images if text(image)),
            copies=copies(job),
            tolerated=tolerated_by(job, call),
        )

    def _minutes(self, here: _Place, value: Any) -> float | None:
        if value is None:
            return None
        written = substituted(text(value), here.call)
        if re.fullmatch(r"\d{1,6}(\.\d+)?", written):
            return float(written)
        self.workflows.note(here.path, here.name, "its timeout is computed")
        return None

    def _concurrency(self, here: _Place, job: dict[str, Any]) -> Concurrency | None:
        call = here.call
        value = job.get("concurrency", self.workflows.parsed[here.path].get("concurrency"))
        if value is None:
            return None
        spec = value if isinstance(value, dict) else {"group": value}
        cancels = substituted(text(spec.get("cancel-in-progress")), call)
        return Concurrency(
            group=substituted(text(spec.get("group")), call),
            exclusive=True,
            queued=text(spec.get("queue")) == "max",
            cancels=bool(cancels) and holds(cancels, here.contexts) is not False,
        )

    def _steps(
        self, here: _Place, steps: list[Any], shell: str, outer: Step = _NO_STEP, depth: int = 0
    ) -> Iterator[Step]:
        """Give the steps that run, with those of the repository's own composite actions."""
        call, contexts = here.call, here.contexts
        for raw in steps:
            self.left -= 1
            if self.left < 0:
                self.workflows.note(
                    here.path, f"more than {MAX_PARTS} jobs and steps; not all was read"
                )
                return
            step = mapping(raw)
            condition = condition_of(step.get("if"), call)
            if holds(condition, contexts) is False:
                continue
            uses = text(step.get("uses"))
            secrets, variables = mentioned(
                [
                    substituted(each, call)
                    for key in ("env", "with", "run")
                    for each in strings({"": step.get(key)})
                ]
            )
            made = Step(
                name=substituted(text(step.get("name")), call),
                run=substituted(text(step.get("run")), call),
                pipes=(text(step.get("shell")) or shell) in {"", "sh"},
                uses=uses,
                inputs=inputs_of(step.get("with"), call),
                condition=both(outer.condition, condition),
                secrets=_sorted(secrets, outer.secrets),
                variables=_sorted(variables, outer.variables),
                tolerated=tolerated_by(step, call) or unchecked(step, shell) or outer.tolerated,
                always=self._always(condition, contexts) or outer.always,
            )
            if not (made.run or made.uses):
                self.workflows.note(here.path, here.name, "a step neither runs nor uses anything")
                continue
            action = self._action(uses)
            if action is None:
                if local(uses) and depth == 0:
                    self.workflows.note(here.path, here.name, f"the action {uses} was not read")
                yield made
                continue
            runs = mapping(action.get("runs"))
            if text(runs.get("using")) != "composite" or depth > MAX_DEPTH:
                yield made
                continue
            defaults = {
                k: text(mapping(v).get("default")) for k, v in mapping(action.get("inputs")).items()
            }
            there = replace(here, call=replace(call, inputs={**defaults, **dict(made.inputs)}))
            yield from self._steps(there, items(runs.get("steps")), "", made, depth + 1)

    def _always(self, condition: str, contexts: list[Context]) -> str:
        if runs_anyway(condition) and holds(condition, contexts, failed=True) is not False:
            return f"if: {condition}"
        return ""

    def _action(self, uses: str) -> dict[str, Any] | None:
        """Give an action of the repository itself."""
        folder = local(uses)
        for path in (f"{folder}/action.yml", f"{folder}/action.yaml") if folder else ():
            if path in self.files:
                if path not in self.actions:
                    self.actions[path] = mapping(document(path, self.files[path]))
                return self.actions[path]
        return None


def _sorted(*names: Any) -> tuple[str, ...]:
    return tuple(sorted({name for group in names for name in group}))
