"""GitLab CI: `.gitlab-ci.yml` and the files of the repository that it includes."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from scaffold.pipeline import shell
from scaffold.pipeline.expression import UNKNOWN, evaluate
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
from scaffold.pipeline.source import (
    MAX_VALUES,
    Reference,
    documents,
    flat,
    items,
    mapping,
    strings,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER = "gitlab"
FILE = ".gitlab-ci.yml"
#: Files that one pipeline may include, as GitLab has it.
MAX_FILES = 150
#: How deep jobs may extend and refer to each other.
MAX_DEPTH = 11

Context = dict[str, Any]

#: Keys at the top that are no jobs.
_GLOBAL = {
    "after_script", "before_script", "cache", "default", "image", "include", "services", "spec",
    "stages", "types", "variables", "workflow",
}  # fmt: skip
#: What a job takes from `default`.
_DEFAULTS = (
    "after_script", "artifacts", "before_script", "cache", "hooks", "id_tokens", "identity",
    "image", "interruptible", "retry", "services", "tags", "timeout",
)  # fmt: skip
_KNOWN = {
    *_DEFAULTS, "allow_failure", "coverage", "dependencies", "environment", "except", "extends",
    "inherit", "manual_confirmation", "needs", "only", "pages", "parallel", "publish", "release",
    "resource_group", "rules", "run", "script", "secrets", "stage", "start_in", "variables", "when",
    "dast_configuration",
}  # fmt: skip
#: What GitLab sets itself.
_BUILT_IN = re.compile(r"(?:CI|GITLAB|FF|RUNNER|DOCKER|GIT|KUBERNETES)(?:_|$)")


def read(files: Mapping[str, bytes], branch: str, notes: list[str]) -> Iterator[Job]:
    """Read the pipeline."""
    if FILE in files:
        yield from merged(_Configuration(files, branch, notes).jobs())


class _Configuration:
    def __init__(self, files: Mapping[str, bytes], branch: str, notes: list[str]) -> None:
        self.files, self.branch, self.notes = files, branch, notes
        self.origin: dict[str, str] = {}
        self.read: list[str] = []
        self.left = MAX_VALUES
        raw = self._included(FILE)
        self.raw = raw
        resolved = {key: self._resolved(value, 0) for key, value in raw.items()}
        self.all = {
            key: self._extended(key, value, resolved, ()) if isinstance(value, dict) else value
            for key, value in resolved.items()
        }
        self.default = {
            **{key: self.all[key] for key in _DEFAULTS if key in self.all},
            **mapping(self.all.get("default")),
        }
        self.variables = _values(self.all.get("variables"))
        given = [text(stage) for stage in flat(self.all.get("stages", self.all.get("types")))]
        stages = [".pre", *(given or ["build", "test", "deploy"]), ".post"]
        self.stages = {stage: place for place, stage in enumerate(stages)}

    def note(self, *where: str) -> None:
        self.notes.append(": ".join(where))

    # From files to one mapping.

    def _included(self, path: str, inputs: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.read.append(path)
        found = documents(path, self.files[path])
        if len(found) > 1 and set(mapping(found[0])) <= {"spec"}:
            spec = mapping(mapping(mapping(found[0]).get("spec")).get("inputs"))
            defaults = {key: text(mapping(value).get("default")) for key, value in spec.items()}
            content = _interpolated(found[1], {**defaults, **(inputs or {})})
        else:
            content = found[0] if found else None
        content = mapping(content)
        result: dict[str, Any] = {}
        for include in flat(content.get("include")):
            for other, given in self._local(path, include):
                if len(self.read) >= MAX_FILES or other in self.read:
                    continue
                result = self._combined(result, self._included(other, given))
        for key in content:
            self.origin[key] = path
        return mapping(self._combined(result, content))

    def _local(self, path: str, include: Any) -> Iterator[tuple[str, dict[str, str]]]:
        spec = mapping(include)
        name = text(include) or text(spec.get("local"))
        if not name or "://" in name:
            kind = next(
                (k for k in ("project", "remote", "template", "component") if k in spec), ""
            )
            self.note(
                path,
                "include",
                f"{kind} {name or text(spec.get(kind))} is not in the repository".strip(),
            )
            return
        if spec.get("rules"):
            self.note(path, "include", f"{name} has rules; it was read as if they held")
        name = name.lstrip("/")
        given = {key: text(value) for key, value in mapping(spec.get("inputs")).items()}
        found = [name] if name in self.files else []
        if not found and "*" in name:
            found = [
                f
                for f in sorted(self.files)
                if fnmatchcase(f, name) and f.endswith((".yml", ".yaml"))
            ]
        if not found:
            self.note(path, "include", f"there is no {name}")
        for each in found:
            yield each, given

    def _combined(self, one: Any, other: Any) -> Any:
        """Put one mapping over another one, deep down."""
        self.left -= 1
        if not (isinstance(one, dict) and isinstance(other, dict)) or self.left < 0:
            return other
        return {
            **one,
            **{k: self._combined(one[k], v) if k in one else v for k, v in other.items()},
        }

    def _resolved(self, value: Any, depth: int) -> Any:
        """Replace references by what they refer to."""
        self.left -= 1
        if self.left < 0 or depth > 10 * MAX_DEPTH:
            if self.left == -1:
                self.note(FILE, "it refers to more than was read")
            return None
        if isinstance(value, Reference):
            found: Any = self.raw
            for key in value:
                found = mapping(found).get(key)
            if found is None:
                found = self._inherited(value)
            if found is None:
                self.note(FILE, f"!reference [{', '.join(value)}] refers to nothing")
            return self._resolved(found, depth + 10)
        if isinstance(value, dict):
            return {key: self._resolved(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self._resolved(each, depth + 1) for each in value]
        return value

    def _inherited(self, reference: Reference) -> Any:
        """Look where a job has it from that does not have it itself."""
        name, *keys = reference
        for _ in range(MAX_DEPTH):
            parents = flat(mapping(self.raw.get(name)).get("extends"))
            if not parents:
                return None
            name = text(parents[-1])
            found: Any = mapping(self.raw.get(name))
            for key in keys:
                found = mapping(found).get(key)
            if found is not None:
                return found
        return None

    def _extended(
        self, name: str, job: dict[str, Any], jobs: Mapping[str, Any], below: tuple[str, ...]
    ) -> dict[str, Any]:
        parents = [text(parent) for parent in flat(job.get("extends"))]
        result: dict[str, Any] = {}
        for parent in parents:
            if parent in below or len(below) > MAX_DEPTH or not isinstance(jobs.get(parent), dict):
                self.note(self._file(name), name, f"it extends '{parent}', which is no job")
                continue
            more = self._extended(parent, jobs[parent], jobs, (*below, name))
            result = self._combined(result, more)
        return self._combined(result, job) if parents else job

    def _file(self, name: str) -> str:
        return self.origin.get(name, FILE)

    # What happens.

    def _occasions(self) -> dict[Trigger, list[list[Context]]]:
        changes = [
            {
                **self._context("merge_request_event", ref="feature/x"),
                "$CI_MERGE_REQUEST_IID": "1",
                "$CI_MERGE_REQUEST_ID": "1",
                "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME": self.branch,
                "$CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/x",
                "$CI_MERGE_REQUEST_EVENT_TYPE": UNKNOWN,
                "$CI_MERGE_REQUEST_LABELS": UNKNOWN,
                "$CI_MERGE_REQUEST_TITLE": UNKNOWN,
            }
        ]
        written = " ".join(_conditions(self.all))
        occasions = {
            Trigger.CHANGE: [changes, [self._context("push", branch="feature/x")]],
            Trigger.MAIN: [[self._context("push", branch=self.branch)]],
            Trigger.CANDIDATE: [self._tags(*TAGS[Trigger.CANDIDATE][:2])],
            Trigger.RELEASE: [self._tags(*TAGS[Trigger.RELEASE])],
            Trigger.SCHEDULE: [[self._context("schedule", branch=self.branch)]],
            Trigger.MANUAL: [[self._context("web", branch=self.branch)]],
        }
        for branch, trigger in BRANCHES.items():
            if re.search(
                rf"(?:BRANCH|REF_NAME|REF_SLUG)\s*==\s*[\"']{branch}[\"']|^{branch}$",
                written,
                re.MULTILINE,
            ):
                occasions[trigger][0].append(self._context("push", branch=branch))
        return occasions

    def _tags(self, *tags: str) -> list[Context]:
        return [self._context("push", tag=tag) for tag in tags]

    def _context(self, source: str, *, branch: str = "", tag: str = "", ref: str = "") -> Context:
        return {
            "$CI": "true",
            "$GITLAB_CI": "true",
            "$CI_PIPELINE_SOURCE": source,
            "$CI_COMMIT_BRANCH": branch or None,
            "$CI_COMMIT_TAG": tag or None,
            "$CI_COMMIT_REF_NAME": branch or tag or ref,
            "$CI_COMMIT_REF_PROTECTED": "false" if ref or branch == "feature/x" else "true",
            "$CI_DEFAULT_BRANCH": self.branch,
            "$CI_OPEN_MERGE_REQUESTS": None,
        }

    def _holds(self, condition: str, context: Context, variables: Mapping[str, Any]) -> bool | None:
        def value(name: str) -> Any:
            name = "$" + name.strip("${}")
            if name in context:
                return context[name]
            if name[1:] in variables:
                given = variables[name[1:]]
                inner = re.fullmatch(r"\$\{?(\w+)\}?", given)
                return context.get(f"${inner[1]}", UNKNOWN) if inner else given
            if name.startswith(("$CI_MERGE_REQUEST_", "$CI_EXTERNAL_", "$CI_COMMIT_TAG")):
                return None
            return UNKNOWN

        return evaluate(condition, value)

    def _ruled(
        self, rules: list[Any], context: Context, variables: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool] | None:
        """Give the first rule that holds, and whether it surely does."""
        certain = True
        for raw in rules:
            rule = mapping(raw)
            holds: bool | None = True
            if "if" in rule:
                holds = self._holds(text(rule["if"]), context, variables)
            if holds is not False and ("changes" in rule or "exists" in rule):
                holds = None
            if holds is False:
                continue
            if holds is None and text(rule.get("when")) == "never":
                certain = False
                continue
            return rule, certain and holds is True
        return None

    def _started(self, context: Context) -> bool:
        """Tell whether anything runs at all."""
        workflow = mapping(self.all.get("workflow"))
        if "rules" not in workflow:
            return True
        found = self._ruled(flat(workflow["rules"]), context, self.variables)
        return found is not None and text(found[0].get("when")) != "never"

    # Jobs.

    def jobs(self) -> Iterator[Job]:
        """Give the jobs, for each trigger by itself."""
        mine = {
            name: {**self._defaults(job), **job}
            for name, job in self.all.items()
            if name not in _GLOBAL and not name.startswith(".") and isinstance(job, dict)
        }
        if len(mine) > MAX_JOBS:
            self.note(FILE, f"more than {MAX_JOBS} jobs; the rest was not read")
            mine = dict(list(mine.items())[:MAX_JOBS])
        self._noted(mine)
        for trigger, occasions in self._occasions().items():
            found: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {}
            for occasion in occasions:
                for context in occasion:
                    if not self._started(context):
                        continue
                    for name, job in mine.items():
                        outcome = self._outcome(job, context)
                        if outcome and name not in found:
                            found[name] = (job, *outcome)
            yield from self._made(trigger, found)

    def _noted(self, mine: Mapping[str, dict[str, Any]]) -> None:
        for name, job in mine.items():
            if unknown := sorted(set(job) - _KNOWN - {"trigger"}):
                self.note(self._file(name), name, f"unknown: {', '.join(unknown)}")
            if "trigger" in job:
                self.note(self._file(name), name, "the pipeline that it triggers was not read")
            for need in self._needs(job) or ():
                if need not in mine:
                    self.note(self._file(name), name, f"it needs '{need}', which is no job")

    def _defaults(self, job: dict[str, Any]) -> dict[str, Any]:
        inherit = mapping(job.get("inherit")).get("default", True)
        if isinstance(inherit, list):
            return {key: self.default[key] for key in map(text, inherit) if key in self.default}
        return self.default if inherit is not False else {}

    def _outcome(self, job: dict[str, Any], context: Context) -> tuple[dict[str, Any], bool] | None:
        """Tell how a job takes part: the keys that a rule changes, and whether that is sure."""
        variables = {**self.variables, **_values(job.get("variables"))}
        if "rules" in job:
            found = self._ruled(flat(job["rules"]), context, variables)
            if found is None:
                return None
            rule, certain = found
            outcome: dict[str, Any] = {
                "allow_failure": job.get("allow_failure", False),
                "when": job.get("when"),
            }
            outcome |= {
                k: rule[k] for k in ("when", "allow_failure", "needs", "variables") if k in rule
            }
        else:
            listed = self._listed(job, context, variables)
            if listed is False:
                return None
            certain = listed is True
            outcome = {"when": job.get("when")}
            outcome["allow_failure"] = job.get("allow_failure", job.get("when") == "manual")
        if text(outcome.get("when")) in {"never", "on_failure"}:
            return None
        return outcome, certain

    def _listed(
        self, job: dict[str, Any], context: Context, variables: Mapping[str, Any]
    ) -> bool | None:
        """Tell whether `only` and `except`, or what is implied without them, let a job in."""
        if "only" not in job and "except" not in job:
            if "rules" in mapping(self.all.get("workflow")):
                return True
            return bool(context["$CI_PIPELINE_SOURCE"] != "merge_request_event")
        only = self._refers(job.get("only", ["branches", "tags"]), context, variables)
        without = (
            self._refers(job["except"], context, variables, every=False)
            if "except" in job
            else False
        )
        if only is False or without is True:
            return False
        return True if only is True and without is False else None

    def _refers(
        self, spec: Any, context: Context, variables: Mapping[str, Any], *, every: bool = True
    ) -> bool | None:
        if not isinstance(spec, dict):
            spec = {"refs": spec}
        answers: list[bool | None] = []
        if "refs" in spec:
            answers.append(any(self._is_ref(text(ref), context) for ref in flat(spec["refs"])))
        if "variables" in spec:
            held = [self._holds(text(v), context, variables) for v in flat(spec["variables"])]
            answers.append(True if True in held else None if None in held else False)
        if "changes" in spec or "kubernetes" in spec:
            answers.append(None)
        decisive = not every
        if decisive in answers:
            return decisive
        return None if None in answers else every

    def _is_ref(self, ref: str, context: Context) -> bool:
        ref = ref.partition("@")[0]
        source = context["$CI_PIPELINE_SOURCE"]
        kinds: dict[str, bool] = {
            "branches": bool(context["$CI_COMMIT_BRANCH"]),
            "tags": bool(context["$CI_COMMIT_TAG"]),
            "merge_requests": source == "merge_request_event",
            "pushes": source == "push",
            "schedules": source == "schedule",
            **dict.fromkeys(("web", "api", "triggers"), source == "web"),
        }
        if ref in kinds:
            return kinds[ref]
        name = context["$CI_COMMIT_REF_NAME"]
        if kinds["merge_requests"]:
            return False
        if ref.startswith("/"):
            return self._holds(f"$CI_COMMIT_REF_NAME =~ {ref}", context, {}) is not False
        return ref == str(name)

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
                self.note(
                    self._file(name),
                    name,
                    f"whether it runs after {trigger} depends on more than its files",
                )
            yield self._job(name, job, trigger, tuple(needs), certain=certain)

    def _place(self, job: dict[str, Any]) -> int:
        return self.stages.get(text(job.get("stage")) or "test", len(self.stages))

    def _job(
        self,
        name: str,
        job: dict[str, Any],
        trigger: Trigger,
        needs: tuple[str, ...],
        *,
        certain: bool,
    ) -> Job:
        variables = {**self.variables, **_values(job.get("variables"))}
        if mapping(job.get("inherit")).get("variables") is False:
            variables = _values(job.get("variables"))
        environment = job.get("environment")
        action = text(mapping(environment).get("action")) or "start"
        where = _expanded(text(mapping(environment).get("name", environment)), variables)
        steps = tuple(self._steps(job))
        texts = [
            *(step.run for step in steps),
            *strings(job.get("variables")),
            *strings(self.all.get("variables")),
            *strings(job.get("image")),
        ]
        named = shell.names("\n".join(texts)) - set(variables)
        used = {n for n in named if not _BUILT_IN.match(n)}
        vaulted = set(mapping(job.get("secrets")))
        vaulted |= named & _REGISTRY
        tokens = mapping(job.get("id_tokens"))
        images = [mapping(job.get("image")).get("name", job.get("image"))]
        images += [mapping(each).get("name", each) for each in flat(job.get("services"))]
        manual = text(job.get("when")) == "manual"
        return Job(
            id=name,
            provider=PROVIDER,
            file=self._file(name),
            name=name,
            triggers=frozenset({trigger}),
            uncertain=frozenset() if certain else frozenset({trigger}),
            needs=needs,
            ignores=needs if text(job.get("when")) == "always" else (),
            steps=steps,
            condition="when: always" if text(job.get("when")) == "always" else "",
            environment=where,
            deploys=action == "start",
            approval="manual" if manual else "environment" if where else "",
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
            self.note(self._file(name), name, "its timeout was not understood")
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


def _values(spec: Any) -> dict[str, str]:
    return {key: text(mapping(value).get("value", value)) for key, value in mapping(spec).items()}


def _expanded(value: str, variables: Mapping[str, str]) -> str:
    """Put the file's own variables into a text, once."""
    return re.sub(
        r"\$(?:\{(\w+)\}|(\w+))",
        lambda match: variables.get(match[1] or match[2], match[0]),
        value,
    )[:1000]


def _interpolated(value: Any, inputs: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {_interpolated(k, inputs): _interpolated(v, inputs) for k, v in value.items()}
    if isinstance(value, Reference):
        return value
    if isinstance(value, list):
        return [_interpolated(each, inputs) for each in value]
    if not isinstance(value, str):
        return value
    found = re.sub(r"\$\[\[\s*inputs\.([\w-]+)[^\]]*\]\]", lambda m: inputs.get(m[1], m[0]), value)
    return found[:65_536]


def _conditions(value: Any) -> Iterator[str]:
    """Give the conditions and refs that any rule names."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "if":
                yield text(each)
            elif key in {"only", "refs"}:
                yield "\n" + "\n".join(strings(each)) + "\n"
            else:
                yield from _conditions(each)
    elif isinstance(value, list):
        for each in value:
            yield from _conditions(each)


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
