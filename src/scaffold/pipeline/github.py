"""GitHub Actions: `.github/workflows`, with the repository's own reusable workflows and actions."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from scaffold.pipeline.expression import UNKNOWN, evaluate, glob
from scaffold.pipeline.model import (
    BRANCHES,
    MAX_JOBS,
    TAGS,
    Concurrency,
    Job,
    Step,
    Trigger,
    merged,
    order,
)
from scaffold.pipeline.source import document, items, mapping, strings, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROVIDER = "github"
#: Jobs and steps, for all triggers together.
MAX_PARTS = 6 * MAX_JOBS
#: How deep workflows and actions may call each other.
MAX_DEPTH = 10

#: What the expressions of a run see of what happened: `github.ref` and the like.
Context = dict[str, Any]
#: Alternatives, of which the first that starts a job counts.
Occasion = list[Context]


def read(files: Mapping[str, bytes], branch: str, notes: list[str]) -> Iterator[Job]:
    """Read all workflows."""
    repository = _Repository(files, branch, notes)
    found = [job for path in sorted(repository.workflows) for job in repository.jobs(path)]
    yield from merged(repository.chained(found))


def _is_workflow(path: str) -> bool:
    return bool(re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path))


_NO_STEP = Step()


@dataclass(frozen=True)
class _Call:
    """How a workflow was started: by what, and with what.

    Attributes:
        trigger: What happened.
        occasions: The same in GitHub's terms.
        prefix: What the ids of its jobs start with.
        needs: The jobs before all of its own.
        ignores: Those of `needs` whose failure does not stop it.
        inputs: What `inputs.…` stands for.
        secrets: What `secrets.…` stands for, where the caller renamed it.
        permissions: What the caller allows.
        chain: The workflows on the way here.
    """

    trigger: Trigger
    occasions: list[Occasion]
    prefix: str
    needs: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    permissions: tuple[tuple[str, str], ...] | None = None
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A job at hand: where it is written, its condition, how it was started, and whether surely."""

    path: str
    name: str
    condition: str
    call: _Call
    _: KW_ONLY
    certain: bool = True

    @property
    def contexts(self) -> list[Context]:
        return [context for occasion in self.call.occasions for context in occasion]


class _Repository:
    def __init__(self, files: Mapping[str, bytes], branch: str, notes: list[str]) -> None:
        self.files, self.branch, self.notes = files, branch, notes
        self.left = MAX_PARTS
        self.workflows = {
            path: mapping(document(path, content))
            for path, content in sorted(files.items())
            if _is_workflow(path)
        }
        self.actions: dict[str, dict[str, Any]] = {}
        self.upstream: dict[str, list[str]] = {}

    def note(self, *where: str) -> None:
        self.notes.append(": ".join(where))

    def jobs(self, path: str) -> Iterator[Job]:
        """Give the jobs of one workflow, for each trigger by itself."""
        for trigger, occasions in self._occasions(path).items():
            prefix = f"{PurePosixPath(path).stem}/"
            yield from self._run(path, _Call(trigger, occasions, prefix, chain=(path,)))

    # What starts a workflow.

    def _events(self, path: str) -> dict[str, Any]:
        on = self.workflows[path].get("on", self.workflows[path].get("true"))
        return on if isinstance(on, dict) else {text(event): None for event in items(on)}

    def _occasions(self, path: str) -> dict[Trigger, list[Occasion]]:
        found: dict[Trigger, list[Occasion]] = {}
        for event, spec in self._events(path).items():
            limited = any(key.startswith("paths") for key in mapping(spec))
            if limited:
                self.note(path, "on", f"{event}: whether it runs depends on the files of a change")
            for trigger, found_here in self._event(path, event, spec):
                occasion = [{**each, "paths": limited} for each in found_here]
                if occasion:
                    found.setdefault(trigger, []).append(occasion)
        return found

    def _event(self, path: str, event: str, spec: Any) -> Iterator[tuple[Trigger, Occasion]]:
        main = [_context(event, self.branch)]
        match event:
            case "push":
                yield from self._push(mapping(spec))
            case "pull_request" | "pull_request_target" | "merge_group":
                yield self._pulled(event, mapping(spec))
            case "schedule":
                yield Trigger.SCHEDULE, main
            case "workflow_dispatch" | "repository_dispatch":
                yield Trigger.MANUAL, main
            case "release":
                types = set(map(text, items(mapping(spec).get("types")))) or {"published"}
                if types & {"published", "released", "created"}:
                    yield Trigger.RELEASE, [_context(event, "v1.2.3", tag=True)]
                if types & {"published", "prereleased", "created"}:
                    yield Trigger.CANDIDATE, [_context(event, "v1.2.3-rc.1", tag=True)]
            case "workflow_call":
                pass
            case "workflow_run":
                yield from self._after(path, mapping(spec))
            case _:
                self.note(path, "on", f"{event} starts it, which is no trigger known here")

    def _pulled(self, event: str, spec: dict[str, Any]) -> tuple[Trigger, Occasion]:
        if items(spec.get("types")) != ["closed"]:
            return Trigger.CHANGE, [_change(event, self.branch)]
        merged_in = {"github.event.pull_request.merged": True, "github.base_ref": self.branch}
        return Trigger.MAIN, [{**_context(event, self.branch), **merged_in}]

    def _push(self, spec: dict[str, Any]) -> Iterator[tuple[Trigger, Occasion]]:
        limited = {kind: _filter(spec, kind) for kind in ("branches", "tags")}
        for kind, others in (("branches", "tags"), ("tags", "branches")):
            if limited[kind] is None and limited[others] is not None:
                limited[kind] = []  # a filter for the one leaves out the other
        branches, tags = limited["branches"], limited["tags"]
        if _passes(self.branch, branches):
            yield Trigger.MAIN, [_context("push", self.branch)]
        if _passes("feature/x", branches):
            yield Trigger.CHANGE, [_context("push", "feature/x")]
        for trigger, samples in TAGS.items():
            passing = [_context("push", tag, tag=True) for tag in samples if _passes(tag, tags)]
            named = [b for b, meaning in BRANCHES.items() if meaning is trigger]
            following = [_context("push", b) for b in named if branches and b in branches]
            yield trigger, (passing[:2] if tags is None else passing[:1]) + following

    def _after(self, path: str, spec: dict[str, Any]) -> Iterator[tuple[Trigger, Occasion]]:
        """Find what starts the workflows that this one comes after."""
        limit = _filter(spec, "branches")
        names = set(map(text, items(spec.get("workflows"))))
        for other, workflow in self.workflows.items():
            if other == path or (text(workflow.get("name")) or other) not in names:
                continue
            if "workflow_run" in mapping(workflow.get("on")):
                self.note(path, "on", "it comes after a workflow that comes after another one")
                continue
            self.upstream.setdefault(path, []).append(other)
            for trigger, occasions in self._occasions(other).items():
                contexts = [c for occasion in occasions for c in occasion]
                heads = [_head(context) for context in contexts]
                found = [
                    {
                        **_context("workflow_run", self.branch),
                        "github.event.workflow_run.conclusion": "success",
                        "github.event.workflow_run.event": context["github.event_name"],
                        "github.event.workflow_run.head_branch": head,
                    }
                    for context, head in zip(contexts, heads, strict=True)
                    if _passes(head, limit)
                ]
                yield trigger, found[:1]

    def chained(self, jobs: list[Job]) -> Iterator[Job]:
        """Put the jobs of workflows that come after others after those."""
        for job in jobs:
            before = self.upstream.get(job.file, [])
            names = tuple(dict.fromkeys(j.id for j in jobs if j.file in before))
            if not names:
                yield job
                continue
            failed = {"github.event.workflow_run.conclusion": "failure"}
            gated = any(
                self._holds(condition, [_context("workflow_run", "main") | failed]) is False
                for condition in job.condition.split("\n")
                if condition
            )
            ignored = () if gated else names
            yield replace(job, needs=(*job.needs, *names), ignores=(*job.ignores, *ignored))

    # What a workflow does.

    def _run(self, path: str, call: _Call) -> Iterator[Job]:
        workflow = self.workflows[path]
        jobs = workflow.get("jobs")
        if not isinstance(jobs, dict):
            self.note(path, "it has no jobs")
            return
        expanded: dict[str, tuple[str, ...]] = {}
        for name in self._order(path, jobs):
            self.left -= 1
            if self.left < 0:
                self.note(path, f"more than {MAX_PARTS} jobs and steps; not all was read")
                return
            made = self._job(path, name, mapping(jobs[name]), call, expanded)
            if made:
                expanded[name] = tuple(dict.fromkeys(job.id for job in made))
                yield from made

    def _order(self, path: str, jobs: dict[str, Any]) -> list[str]:
        """Put jobs after what they need."""
        if len(jobs) > MAX_JOBS:
            self.note(path, f"more than {MAX_JOBS} jobs; the rest was not read")
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
            self.note(path, f"{', '.join(circle)}: what it needs comes after it, in a circle")
        return sorted(names, key=rank.__getitem__)

    def _job(
        self,
        path: str,
        name: str,
        job: dict[str, Any],
        call: _Call,
        expanded: dict[str, tuple[str, ...]],
    ) -> list[Job]:
        known = mapping(self.workflows[path].get("jobs"))
        needed = [need for need in map(text, items(job.get("needs"))) if need in known]
        for need in map(text, items(job.get("needs"))):
            if need not in known:
                self.note(path, name, f"it needs '{need}', which is no job")
        condition = _condition(job.get("if"), call)
        anyway = _runs_anyway(condition)
        if not anyway and any(need not in expanded for need in needed):
            return []  # what it needs is skipped, and so is it
        results = {
            f"needs.{need}.result": "success" if need in expanded else "skipped" for need in needed
        }
        chosen, certain = self._chosen(condition, call, results)
        if not chosen:
            return []
        if not certain and condition:
            self.note(path, name, f"whether it runs depends on: {condition}")
        ignored = [
            need
            for need in needed
            if anyway
            and self._holds(
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
        self, condition: str, call: _Call, results: Mapping[str, Any]
    ) -> tuple[list[Context], bool]:
        """Give the first context of each occasion that starts a job, and whether it surely does."""
        chosen, certain = [], False
        for occasion in call.occasions:
            for context in occasion:
                holds = self._holds(condition, [context], results)
                if holds is not False:
                    chosen.append(context)
                    certain = certain or (holds is True and not context.get("paths"))
                    break
        return chosen, certain

    def _holds(
        self,
        condition: str,
        contexts: list[Context],
        values: Mapping[str, Any] | None = None,
        *,
        failed: bool = False,
    ) -> bool | None:
        """Tell whether a condition holds in any of the contexts; None when nobody can tell."""
        if not condition:
            return True
        found = {
            _evaluated(condition, {**context, **(values or {})}, failed=failed)
            for context in contexts
        }
        return True if True in found else None if None in found else False

    def _called(self, here: _Place, job: dict[str, Any]) -> list[Job]:
        """Give the jobs of the workflow that a job calls."""
        call = here.call
        uses = text(job.get("uses"))
        target = _local(uses)
        known = target in {*self.workflows} - {*call.chain} and len(call.chain) <= MAX_DEPTH
        if not known or "workflow_call" not in self._events(target):
            why = "is none that can be called" if known else "was not read"
            self.note(here.path, here.name, f"the workflow {uses} {why}")
            step = Step(
                name=text(job.get("name")), uses=uses, inputs=_inputs(job.get("with"), call)
            )
            plain = {key: value for key, value in job.items() if key != "uses"}
            return [replace(self._plain(here, plain), steps=(step,))]
        declared = mapping(mapping(self._events(target)["workflow_call"]).get("inputs"))
        defaults = {key: text(mapping(value).get("default")) for key, value in declared.items()}
        given = {
            key: _substituted(text(value), call) for key, value in mapping(job.get("with")).items()
        }
        handed = {
            key: _substituted(text(value), call)
            for key, value in mapping(job.get("secrets")).items()
        }
        permissions = _permissions(job.get("permissions"))
        inner = replace(
            call,
            prefix=f"{call.prefix}{here.name}/",
            inputs={**defaults, **given},
            secrets=handed,
            permissions=call.permissions if permissions is None else permissions,
            chain=(*call.chain, target),
        )
        found = list(self._run(target, inner))
        return [replace(job, condition=_both(here.condition, job.condition)) for job in found]

    def _plain(self, here: _Place, job: dict[str, Any]) -> Job:
        call, path, name = here.call, here.path, here.name
        workflow = self.workflows[path]
        shell = text(mapping(mapping(job.get("defaults")).get("run")).get("shell")) or text(
            mapping(mapping(workflow.get("defaults")).get("run")).get("shell")
        )
        steps = tuple(self._steps(here, items(job.get("steps")), shell))
        around = [
            *strings(workflow.get("env")),
            *strings({key: value for key, value in job.items() if key != "steps"}),
        ]
        mentioned = [_substituted(each, call) for each in around]
        secrets, variables = _mentioned(mentioned)
        if any(
            re.search(r"toJSON\(\s*secrets\s*\)|secrets\[", each, re.IGNORECASE)
            for each in mentioned
        ):
            self.note(path, name, "it takes secrets by names that are computed")
        environment = job.get("environment")
        environment = mapping(environment).get("name", environment)
        container = job.get("container")
        images = [mapping(container).get("image", container)]
        images += [mapping(each).get("image") for each in mapping(job.get("services")).values()]
        permissions = _permissions(job.get("permissions"))
        if permissions is None:
            permissions = _permissions(workflow.get("permissions"))
        return Job(
            id=f"{call.prefix}{name}",
            provider=PROVIDER,
            file=path,
            name=_substituted(text(job.get("name")), call),
            triggers=frozenset({call.trigger}),
            uncertain=frozenset() if here.certain else frozenset({call.trigger}),
            needs=call.needs,
            ignores=call.ignores,
            steps=steps,
            condition=here.condition,
            environment=_substituted(text(environment), call),
            deploys=mapping(job.get("environment")).get("deployment") is not False,
            approval="environment" if environment else "",
            secrets=_sorted(secrets, *(step.secrets for step in steps)),
            variables=_sorted(variables, *(step.variables for step in steps)),
            timeout=self._minutes(here, job.get("timeout-minutes")),
            permissions=call.permissions if permissions is None else permissions,
            concurrency=self._concurrency(here, job),
            images=tuple(_substituted(text(image), call) for image in images if text(image)),
            copies=_copies(job),
            tolerated=_tolerated(job, call),
        )

    def _minutes(self, here: _Place, value: Any) -> float | None:
        if value is None:
            return None
        written = _substituted(text(value), here.call)
        if re.fullmatch(r"\d{1,6}(\.\d+)?", written):
            return float(written)
        self.note(here.path, here.name, "its timeout is computed")
        return None

    def _concurrency(self, here: _Place, job: dict[str, Any]) -> Concurrency | None:
        call = here.call
        value = job.get("concurrency", self.workflows[here.path].get("concurrency"))
        if value is None:
            return None
        spec = value if isinstance(value, dict) else {"group": value}
        cancels = _substituted(text(spec.get("cancel-in-progress")), call)
        return Concurrency(
            group=_substituted(text(spec.get("group")), call),
            exclusive=True,
            queued=text(spec.get("queue")) == "max",
            cancels=bool(cancels) and self._holds(cancels, here.contexts) is not False,
        )

    def _steps(
        self, here: _Place, steps: list[Any], shell: str, outer: Step = _NO_STEP, depth: int = 0
    ) -> Iterator[Step]:
        """Give the steps that run, with those of the repository's own composite actions."""
        call, contexts = here.call, here.contexts
        for raw in steps:
            self.left -= 1
            if self.left < 0:
                self.note(here.path, f"more than {MAX_PARTS} jobs and steps; not all was read")
                return
            step = mapping(raw)
            condition = _condition(step.get("if"), call)
            if self._holds(condition, contexts) is False:
                continue
            uses = text(step.get("uses"))
            secrets, variables = _mentioned(
                [
                    _substituted(each, call)
                    for key in ("env", "with", "run")
                    for each in strings({"": step.get(key)})
                ]
            )
            made = Step(
                name=_substituted(text(step.get("name")), call),
                run=_substituted(text(step.get("run")), call),
                pipes=(text(step.get("shell")) or shell) in {"", "sh"},
                uses=uses,
                inputs=_inputs(step.get("with"), call),
                condition=_both(outer.condition, condition),
                secrets=_sorted(secrets, outer.secrets),
                variables=_sorted(variables, outer.variables),
                tolerated=_tolerated(step, call) or _unchecked(step, shell) or outer.tolerated,
                always=self._always(condition, contexts) or outer.always,
            )
            if not (made.run or made.uses):
                self.note(here.path, here.name, "a step neither runs nor uses anything")
                continue
            action = self._action(uses)
            if action is None:
                if _local(uses) and depth == 0:
                    self.note(here.path, here.name, f"the action {uses} was not read")
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
        if _runs_anyway(condition) and self._holds(condition, contexts, failed=True) is not False:
            return f"if: {condition}"
        return ""

    def _action(self, uses: str) -> dict[str, Any] | None:
        """Give an action of the repository itself."""
        folder = _local(uses)
        for path in (f"{folder}/action.yml", f"{folder}/action.yaml") if folder else ():
            if path in self.files:
                if path not in self.actions:
                    self.actions[path] = mapping(document(path, self.files[path]))
                return self.actions[path]
        return None


# Contexts.


def _context(event: str, name: str, *, tag: bool = False) -> Context:
    return {
        "github.event_name": event,
        "github.ref": f"refs/{'tags' if tag else 'heads'}/{name}",
        "github.ref_name": name,
        "github.ref_type": "tag" if tag else "branch",
        "github.head_ref": "",
        "github.base_ref": "",
        "github.event.repository.default_branch": "main" if tag or name == "feature/x" else name,
        "github.event.deleted": False,
        "github.event.created": tag,
        "github.event.release.prerelease": "-" in name,
        "github.event.pull_request": None,
    }


def _change(event: str, branch: str) -> Context:
    return {
        **_context(event, branch),
        "github.ref": "refs/pull/1/merge",
        "github.ref_name": "1/merge",
        "github.head_ref": "feature/x",
        "github.base_ref": branch,
        "github.event.action": UNKNOWN,
        "github.event.pull_request": True,
        "github.event.pull_request.merged": False,
        "github.event.pull_request.draft": False,
        "github.event.pull_request.base.ref": branch,
    }


def _head(context: Context) -> str:
    return str(context["github.head_ref"] or context["github.ref_name"])


def _filter(spec: dict[str, Any], kind: str) -> list[str] | None:
    """Give the patterns that limit branches or tags; None when nothing does."""
    if kind in spec:
        return [text(pattern) for pattern in items(spec[kind])]
    if f"{kind}-ignore" in spec:
        return ["**", *(f"!{text(pattern)}" for pattern in items(spec[f"{kind}-ignore"]))]
    return None


def _passes(name: str, patterns: list[str] | None) -> bool:
    if patterns is None:
        return True
    passes = False
    for pattern in patterns:
        if glob(pattern.removeprefix("!"), github=True).fullmatch(name):
            passes = not pattern.startswith("!")
    return passes


# Expressions.


def _evaluated(condition: str, values: Mapping[str, Any], *, failed: bool) -> bool | None:
    bare = re.sub(r"\$\{\{(.*?)\}\}", r"(\1)", condition, flags=re.DOTALL)

    def value(name: str) -> Any:
        if name in values:
            return values[name]
        event = values.get("github.event_name")
        for prefix, owner in _OWNERS.items():
            if name.startswith(prefix) and event not in owner:
                return None  # what an event does not have is empty
        return UNKNOWN

    functions: dict[str, Callable[..., Any]] = {
        "always": lambda: True,
        "success": lambda: not failed,
        "failure": lambda: failed,
        "cancelled": lambda: False,
        "startswith": lambda a, b: _lower(a).startswith(_lower(b)),
        "endswith": lambda a, b: _lower(a).endswith(_lower(b)),
        "contains": lambda a, b: _lower(b) in _lower(a),
    }
    return evaluate(bare, value, functions)


#: What only some events have.
_OWNERS = {
    "github.event.pull_request.": {"pull_request", "pull_request_target"},
    "github.event.workflow_run.": {"workflow_run"},
    "github.event.release.": {"release"},
    "github.event.inputs.": {"workflow_dispatch", "repository_dispatch"},
    "inputs.": {"workflow_dispatch", "repository_dispatch"},
}


def _both(one: str, other: str) -> str:
    """Give two conditions that must hold together, one a line."""
    return "\n".join(filter(None, [one, other]))


def _lower(value: Any) -> str:
    return str("" if value is None else value).lower()


def _runs_anyway(condition: str) -> bool:
    """Tell whether a condition replaces the `success()` that is otherwise implied."""
    return bool(re.search(r"\b(?:always|failure|cancelled)\s*\(", condition))


_INSERTED = re.compile(r"\$\{\{\s*(inputs|secrets)\.([\w-]+)\s*\}\}")
_BARE = re.compile(r"\binputs\.([\w-]+)")


def _condition(value: Any, call: _Call) -> str:
    """Give a condition, with what a caller gave in the place of its name."""

    def quoted(match: re.Match[str]) -> str:
        found = call.inputs.get(match[1])
        if found is None or "${{" in found:
            return match[0]
        return found if found in {"true", "false"} else "'" + found.replace("'", "''") + "'"

    return _BARE.sub(quoted, text(value))[:65_536]


def _substituted(value: str, call: _Call) -> str:
    """Put what a caller gave in the place of its name."""
    if "inputs." not in value and "secrets." not in value:
        return value

    def given(match: re.Match[str]) -> str:
        table = call.inputs if match[1] == "inputs" else call.secrets
        return table.get(match[2], match[0])

    return _INSERTED.sub(given, value)[:65_536]


_NAMED = re.compile(r"\b(secrets|vars)(?:\.([A-Za-z_][\w-]*)|\[\s*'([^']+)'\s*\])")


def _mentioned(texts: list[str]) -> tuple[set[str], set[str]]:
    """Give the secrets and the settings that texts name in expressions."""
    secrets: set[str] = set()
    variables: set[str] = set()
    for each in texts:
        bare = each if "${{" in each else ""
        for match in _NAMED.finditer(bare):
            (secrets if match[1] == "secrets" else variables).add(match[2] or match[3])
        if re.search(r"\bgithub\.token\b", bare):
            secrets.add("GITHUB_TOKEN")
    return secrets, variables


def _sorted(*names: Any) -> tuple[str, ...]:
    return tuple(sorted({name for group in names for name in group}))


# Keys.


def _local(uses: str) -> str:
    """Give the path of what is in this repository, or nothing."""
    if not uses.startswith(("./", "$/")):
        return ""
    return uses[2:].partition("@")[0].strip("/") or "."


def _inputs(value: Any, call: _Call) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted((key, _substituted(text(each), call)) for key, each in mapping(value).items())
    )


def _permissions(value: Any) -> tuple[tuple[str, str], ...] | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return tuple(sorted((key, text(each)) for key, each in value.items()))
    return (("*", text(value).removesuffix("-all")),)


def _tolerated(part: dict[str, Any], call: _Call) -> str:
    value = _substituted(text(part.get("continue-on-error")), call)
    bare = re.sub(r"\$\{\{\s*(.*?)\s*\}\}", r"\1", value)
    return "" if bare in {"", "false"} else f"continue-on-error: {value}"


def _unchecked(step: dict[str, Any], shell: str) -> str:
    """Find a shell of one's own that goes on after a failure."""
    used = text(step.get("shell")) or shell
    if step.get("run") and re.match(r"(?:\S*/)?(?:ba|z|da|k)?sh\b", used) and "{0}" in used:
        return "" if re.search(r" -\w*e|errexit", used) else f"shell: {used}"
    return ""


def _copies(job: dict[str, Any]) -> int:
    matrix = mapping(job.get("strategy")).get("matrix")
    if matrix is None:
        return 1
    axes = [v for k, v in mapping(matrix).items() if k not in {"include", "exclude"}]
    if not isinstance(matrix, dict) or not all(isinstance(axis, list) for axis in axes):
        return 0
    count = 1 if axes else len(items(matrix.get("include")))
    for axis in axes:
        count *= len(axis)
    return max(count - len(items(matrix.get("exclude"))), 0)
