"""`scaffold explain`: which part of the template wrote a file, and who owns it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scaffold import console, git
from scaffold.errors import UsageError
from scaffold.project import provenance
from scaffold.project.cause import alternatives
from scaffold.project.ownership import Owner
from scaffold.project.provenance import Provenance
from scaffold.template.source import Shelf
from scaffold.update import drift
from scaffold.update.drift import State
from scaffold.wording import printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path, PurePosixPath

    from scaffold.project.cause import Cause
    from scaffold.update.drift import Drift, Trace


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about a path.

    Attributes:
        path: Where it is or was, in its project.
        version: The template's version that the project is at.
        trace: What became of it, when the template wrote it.
        provenance: What it was made from, when the template wrote it.
        reason: Why its owner owns it.
        alternatives: Answers that would make the template write it.
        unread: Why nobody knows what it runs, if it is of a CI provider that nobody can read.
    """

    path: PurePosixPath
    version: str
    trace: Trace | None
    provenance: Provenance | None
    reason: str
    alternatives: tuple[Cause, ...]
    unread: str = ""


def explain(path: Path, *, template: str | None, as_json: bool) -> None:
    """Explain a path.

    Raises:
        UsageError: When it is in no project, or a folder.
        ScaffoldError: When an answers file cannot be read.
        EnvironmentLackError: When git is missing.
        TemplateError: When the template cannot be rendered.
    """
    git.required()
    repository, place = drift.located(path)
    records = drift.records(repository, place)
    if path.is_dir():
        raise UsageError(
            f"{shown(path, 200)} is a folder.",
            "Name a file in it: `scaffold status --paths` lists those of the template.",
        )
    with Shelf(console.note) as shelf, console.progress("Comparing with the template …"):
        for record in records:  # the last one, if none of them wrote it
            with drift.traced(repository, record, shelf, template) as found:
                explanation = _explained(found, place.relative_to(record.project))
            if explanation.trace:
                break
    project = {"project": str(record.project), "answers_file": str(record.path)}
    if as_json:
        console.say(json.dumps(project | _as_data(explanation), indent=2, default=str))
    else:
        _say(path, explanation)


def _explained(found: Drift, path: PurePosixPath) -> Explanation:
    template, answers = found.origin.template, found.origin.answers
    trace = next((t for t in found.traces if path in {t.path, t.moved_to}), None)
    if trace is None:
        others = tuple(alternatives(template, answers, path))
        reason = "the template does not write it"
        return Explanation(path, found.record.commit, None, None, reason, others)
    file = next(file for file in found.origin.files if file.path == trace.path)
    made = Provenance.of(file, template, answers)
    reason = provenance.reason(found.owners, trace.path)
    providers = any(cause.question == "ci" for cause in made.source.causes)
    unread = found.origin.unread if providers else ""
    return Explanation(path, found.record.commit, trace, made, reason, (), unread)


def _say(path: Path, explanation: Explanation) -> None:
    console.say(printable(str(path)))
    for label, lines in _rows(explanation).items():
        for number, line in enumerate(lines):
            console.say(printable(f"  {'' if number else label:<10}  {line}"))


def _rows(explanation: Explanation) -> Mapping[str, list[str]]:
    trace, made = explanation.trace, explanation.provenance
    if trace is None or made is None:
        return {
            "owner": [f"you: {explanation.reason}"],
            "written if": [_cause(cause) for cause in explanation.alternatives],
        }
    return {
        "written by": [_causes(made.source.causes) or "the template, whatever the answers"],
        "from": [str(made.source.path)],
        "with": list(map(_fragment, made.fragments)),
        "answers": [f"{name}: {_short(value)}" for name, value in made.answers.items()],
        "owner": [f"{trace.owner}: {explanation.reason}"],
        "state": [_state(explanation.path, trace)],
        "unread": [explanation.unread] if explanation.unread else [],
    }


def _causes(causes: Iterable[Cause]) -> str:
    return ", ".join(map(_cause, causes))


def _cause(cause: Cause) -> str:
    answer = f"{cause.question}: {_short(cause.answer)}"
    if cause.trait:
        return f"trait: {cause.trait} (brought by {answer})"
    return f"{answer} ({cause.label})" if cause.label else answer


def _fragment(source: provenance.Source) -> str:
    """Name a fragment by the answers that it is taken for, and its place in their layer."""
    if not source.causes:
        return str(source.path)
    names = [*source.path.parts]
    while any("{" in name for name in names):
        del names[0]
    return f"{_causes(source.causes)}, its {'/'.join(names)}"


def _short(value: object, limit: int = 60) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _state(place: PurePosixPath, trace: Trace) -> str:
    edited = ", edited" if trace.edited else ""
    if trace.state is State.MOVED:
        where = f"from {trace.path}" if place == trace.moved_to else f"to {trace.moved_to}"
        return f"moved {where}{edited}"
    return trace.state


def _as_data(explanation: Explanation) -> dict[str, Any]:
    trace, made = explanation.trace, explanation.provenance
    return {
        "path": str(explanation.path),
        "version": explanation.version,
        "source": made and _source_as_data(made.source),
        "fragments": [_source_as_data(fragment) for fragment in made.fragments] if made else [],
        "macros": [str(path) for path in made.macros] if made else [],
        "answers": made.answers if made else {},
        "owner": trace.owner if trace else Owner.YOURS,
        "reason": explanation.reason,
        "unread": [explanation.unread] if explanation.unread else [],
        "state": trace.state if trace else None,
        "edited": trace.edited if trace else None,
        "written_at": str(trace.path) if trace else None,
        "moved_to": str(trace.moved_to) if trace and trace.moved_to else None,
        "would_be_written_with": list(map(asdict, explanation.alternatives)),
    }


def _source_as_data(source: provenance.Source) -> dict[str, Any]:
    return {"path": str(source.path), "because_of": list(map(asdict, source.causes))}
