"""What starts a workflow, and what its expressions see of that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scaffold.pipeline.expression import UNKNOWN, glob
from scaffold.pipeline.model import BRANCHES, TAGS, Trigger
from scaffold.pipeline.source import document, items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What somebody may choose by hand is looked at in all ways, if there are no more.
MAX_CHOICES = 32

#: What the expressions of a run see of what happened: `github.ref` and the like.
Context = dict[str, Any]
#: Alternatives, of which the first that starts a job counts.
Occasion = list[Context]


@dataclass(frozen=True)
class Call:
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


class Workflows:
    """The workflows of a repository.

    Args:
        files: The files of the repository.
        branch: Its main branch.
        notes: What could not be read, to be added to.
    """

    def __init__(self, files: Mapping[str, bytes], branch: str, notes: list[str]) -> None:
        self.branch, self.notes = branch, notes
        self.parsed = {
            path: mapping(document(path, content))
            for path, content in sorted(files.items())
            if re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path)
        }
        #: The workflows that each comes after.
        self.upstream: dict[str, list[str]] = {}

    def note(self, *where: str) -> None:
        """Note what could not be read."""
        self.notes.append(": ".join(where))

    def events(self, path: str) -> dict[str, Any]:
        """Give the events that start a workflow, with what limits them."""
        on = self.parsed[path].get("on", self.parsed[path].get("true"))
        return on if isinstance(on, dict) else {text(event): None for event in items(on)}

    def occasions(self, path: str) -> dict[Trigger, list[Occasion]]:
        """Give what starts a workflow."""
        found: dict[Trigger, list[Occasion]] = {}
        for event, spec in self.events(path).items():
            limited = any(key.startswith("paths") for key in mapping(spec))
            if limited:
                self.note(path, "on", f"{event}: whether it runs depends on the files of a change")
            for trigger, found_here in self._event(path, event, spec):
                occasion = [{**each, "paths": limited} for each in found_here]
                if occasion:
                    found.setdefault(trigger, []).append(occasion)
        return found

    def _event(self, path: str, event: str, spec: Any) -> Iterator[tuple[Trigger, Occasion]]:
        main = [context_of(event, self.branch)]
        match event:
            case "push":
                yield from self._push(mapping(spec))
            case "pull_request" | "pull_request_target" | "merge_group":
                yield self._pulled(event, mapping(spec))
            case "schedule":
                crons = [text(mapping(each).get("cron")) for each in items(spec)]
                yield Trigger.SCHEDULE, [{**main[0], "github.event.schedule": it} for it in crons]
            case "workflow_dispatch" | "repository_dispatch":
                yield Trigger.MANUAL, [{**main[0], **it} for it in _chosen(mapping(spec))]
            case "release":
                types = set(map(text, items(mapping(spec).get("types")))) or {"published"}
                if types & {"published", "released", "created"}:
                    yield Trigger.RELEASE, [context_of(event, "v1.2.3", tag=True)]
                if types & {"published", "prereleased", "created"}:
                    yield Trigger.CANDIDATE, [context_of(event, "v1.2.3-rc.1", tag=True)]
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
        return Trigger.MAIN, [{**context_of(event, self.branch), **merged_in}]

    def _push(self, spec: dict[str, Any]) -> Iterator[tuple[Trigger, Occasion]]:
        limited = {kind: _filter(spec, kind) for kind in ("branches", "tags")}
        for kind, others in (("branches", "tags"), ("tags", "branches")):
            if limited[kind] is None and limited[others] is not None:
                limited[kind] = []  # a filter for the one leaves out the other
        branches, tags = limited["branches"], limited["tags"]
        if _passes(self.branch, branches):
            yield Trigger.MAIN, [context_of("push", self.branch)]
        if _passes("feature/x", branches):
            yield Trigger.CHANGE, [context_of("push", "feature/x")]
        for trigger, samples in TAGS.items():
            passing = [context_of("push", tag, tag=True) for tag in samples if _passes(tag, tags)]
            named = [b for b, meaning in BRANCHES.items() if meaning is trigger]
            following = [context_of("push", b) for b in named if branches and b in branches]
            yield trigger, (passing[:2] if tags is None else passing[:1]) + following

    def _after(self, path: str, spec: dict[str, Any]) -> Iterator[tuple[Trigger, Occasion]]:
        """Find what starts the workflows that this one comes after."""
        limit = _filter(spec, "branches")
        names = set(map(text, items(spec.get("workflows"))))
        for other, workflow in self.parsed.items():
            if other == path or (text(workflow.get("name")) or other) not in names:
                continue
            if "workflow_run" in mapping(workflow.get("on")):
                self.note(path, "on", "it comes after a workflow that comes after another one")
                continue
            self.upstream.setdefault(path, []).append(other)
            for trigger, occasions in self.occasions(other).items():
                contexts = [c for occasion in occasions for c in occasion]
                heads = [_head(context) for context in contexts]
                found = [
                    {
                        **context_of("workflow_run", self.branch),
                        "github.event.workflow_run.conclusion": "success",
                        "github.event.workflow_run.event": context["github.event_name"],
                        "github.event.workflow_run.head_branch": head,
                    }
                    for context, head in zip(contexts, heads, strict=True)
                    if _passes(head, limit)
                ]
                yield trigger, found[:1]


def context_of(event: str, name: str, *, tag: bool = False) -> Context:
    """Give what expressions see when something happens to a branch or a tag."""
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
        **context_of(event, branch),
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


def _chosen(spec: dict[str, Any]) -> list[Context]:
    """Give what somebody may choose who starts a workflow by hand."""
    found: list[Context] = [{}]
    for name, given in mapping(spec.get("inputs")).items():
        options = list(map(text, items(mapping(given).get("options"))))
        if options and len(found) * len(options) <= MAX_CHOICES:
            found = [{**it, f"inputs.{name}": option} for it in found for option in options]
    return found


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
