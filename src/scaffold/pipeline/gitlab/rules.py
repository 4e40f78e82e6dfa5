"""What can happen to a repository, and which jobs take part in it by which rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scaffold.pipeline.expression import UNKNOWN, evaluate
from scaffold.pipeline.gitlab.configuration import values_of
from scaffold.pipeline.model import BRANCHES, TAGS, Trigger
from scaffold.pipeline.source import flat, mapping, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scaffold.pipeline.gitlab.configuration import Configuration

Context = dict[str, Any]


class Rules:
    """Rules of a pipeline and its jobs.

    Args:
        said: What the files say.
    """

    def __init__(self, said: Configuration) -> None:
        self.said = said

    def occasions(self) -> dict[Trigger, list[list[Context]]]:
        """Give what can happen, as a pipeline sees it."""
        changes = [
            {
                **self._context("merge_request_event", ref="feature/x"),
                "$CI_MERGE_REQUEST_IID": "1",
                "$CI_MERGE_REQUEST_ID": "1",
                "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME": self.said.branch,
                "$CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/x",
                "$CI_MERGE_REQUEST_EVENT_TYPE": UNKNOWN,
                "$CI_MERGE_REQUEST_LABELS": UNKNOWN,
                "$CI_MERGE_REQUEST_TITLE": UNKNOWN,
            }
        ]
        written = " ".join(_conditions(self.said.all))
        occasions = {
            Trigger.CHANGE: [changes, [self._context("push", branch="feature/x")]],
            Trigger.MAIN: [[self._context("push", branch=self.said.branch)]],
            Trigger.CANDIDATE: [self._tags(*TAGS[Trigger.CANDIDATE][:2])],
            Trigger.RELEASE: [self._tags(*TAGS[Trigger.RELEASE])],
            Trigger.SCHEDULE: [self._schedules(written)],
            Trigger.MANUAL: [[self._context("web", branch=self.said.branch)]],
        }
        for branch, trigger in BRANCHES.items():
            if re.search(
                rf"(?:BRANCH|REF_NAME|REF_SLUG)\s*==\s*[\"']{branch}[\"']|^{branch}$",
                written,
                re.MULTILINE,
            ):
                occasions[trigger][0].append(self._context("push", branch=branch))
        return occasions

    def _schedules(self, written: str) -> list[Context]:
        """Give the schedules that rules tell from each other, by a variable of theirs."""
        schedule = self._context("schedule", branch=self.said.branch)
        found = [schedule]
        named = re.findall(r"\$(?!CI_)(\w+)\s*==\s*[\"']([^\"']*)[\"']", written)
        for name, value in dict.fromkeys(named):
            if name not in self.said.variables:
                found[0] = {**found[0], f"${name}": None}
                found.append({**schedule, f"${name}": value})
        return found

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
            "$CI_DEFAULT_BRANCH": self.said.branch,
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

    def started(self, context: Context) -> bool:
        """Tell whether anything runs at all."""
        workflow = mapping(self.said.all.get("workflow"))
        if "rules" not in workflow:
            return True
        found = self._ruled(flat(workflow["rules"]), context, self.said.variables)
        return found is not None and text(found[0].get("when")) != "never"

    def outcome(self, job: dict[str, Any], context: Context) -> tuple[dict[str, Any], bool] | None:
        """Tell how a job takes part: the keys that a rule changes, and whether that is sure."""
        variables = {**self.said.variables, **values_of(job.get("variables"))}
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
            if "rules" in mapping(self.said.all.get("workflow")):
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
