"""`scaffold explain`: which part of the template wrote a file or a line, and who owns it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scaffold import console, git
from scaffold.errors import UsageError
from scaffold.project import provenance
from scaffold.project.cause import alternatives
from scaffold.project.inputs import Inputs
from scaffold.project.line import Line
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
    from scaffold.project.provenance import Source
    from scaffold.update.drift import Drift, Trace


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about a path.

    Attributes:
        path: Where it is or was, in its project.
        version: The template's version that the project is at.
        trace: What became of it, when the template wrote it.
        provenance: What it was made from, when the template wrote it.
        line: The line that was asked for, if one was.
        reason: Why its owner owns it.
        alternatives: Answers that would make the template write it.
        unread: Why nobody knows what it runs, if it is of a CI provider that nobody can read.
    """

    path: PurePosixPath
    version: str
    trace: Trace | None
    provenance: Provenance | None
    line: Line | None
    reason: str
    alternatives: tuple[Cause, ...]
    unread: str = ""


def explain(asked: Path, *, template: str | None, as_json: bool) -> None:
    """Explain a path, or with `:LINE` after it a line.

    Raises:
        UsageError: When it is in no project, or a folder, or has no such line.
        ScaffoldError: When an answers file cannot be read.
        EnvironmentLackError: When git is missing.
        TemplateError: When the template cannot be rendered.
    """
    git.required()
    path, number = _split(asked)
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
                inside = place.relative_to(record.project)
                whole = inside.with_name(asked.name)
                if number is not None and _trace(found, whole):  # one that is gone
                    inside, number = whole, None
                top = repository.top / record.project
                explanation = _explained(found, top, inside, number)
            if explanation.trace:
                break
    project = {"project": str(record.project), "answers_file": str(record.path)}
    if as_json:
        console.say(json.dumps(project | _as_data(explanation), indent=2, default=str))
    else:
        _say(asked, explanation)


def _split(asked: Path) -> tuple[Path, int | None]:
    """Take the number of a line from the end of a path, unless a file has that very name."""
    found = re.fullmatch(r"(?s)(.+):([0-9]{1,18})", asked.name)
    if not found or os.path.lexists(asked):
        return asked, None
    return asked.parent / found[1], int(found[2])


def _trace(found: Drift, path: PurePosixPath) -> Trace | None:
    return next((t for t in found.traces if path in {t.path, t.moved_to}), None)


def _explained(found: Drift, top: Path, path: PurePosixPath, number: int | None) -> Explanation:
    template, answers = found.origin.template, found.origin.answers
    trace = _trace(found, path)
    made = None
    if trace:
        file = next(file for file in found.origin.files if file.path == trace.path)
        made = Provenance.of(file, template, answers)
    line = None
    if number is not None:
        now = trace.moved_to or path if trace else path
        line = Line.of(number, _content(top / now, path), path, made)
    others = () if trace else tuple(alternatives(template, answers, path))
    reason = (
        provenance.reason(found.owners, trace.path) if trace else "the template does not write it"
    )
    of_ci = made is not None and any(cause.question == "ci" for cause in made.source.causes)
    unread = found.origin.unread if of_ci else ""
    return Explanation(path, found.record.commit, trace, made, line, reason, others, unread)


def _content(file: Path, path: PurePosixPath) -> str:
    if not file.is_file():
        raise UsageError(
            f"{shown(path, 200)} is not there, so it has no lines.",
            "Leave out the number to see where it is from.",
        )
    return file.read_bytes().decode("utf-8", "replace")


def _say(path: Path, explanation: Explanation) -> None:
    console.say(printable(str(path)))
    for label, lines in _rows(explanation).items():
        for number, line in enumerate(lines):
            console.say(printable(f"  {'' if number else label:<10}  {line}"))


def _rows(explanation: Explanation) -> Mapping[str, list[str]]:
    trace, made, line = explanation.trace, explanation.provenance, explanation.line
    asked = _line(line) if line else {}
    if trace is None or made is None:
        return asked | {
            "owner": [f"you: {explanation.reason}"],
            "written if": [_cause(cause) for cause in explanation.alternatives],
        }
    file = {
        "written by": _authors([made.source]),
        "from": [str(made.source.path)],
        "with": list(map(_fragment, made.fragments)),
        "answers": [f"{name}: {_short(value)}" for name, value in made.answers.items()],
        **_inputs(made.inputs),
    }
    return (asked or file) | {
        "owner": [f"{trace.owner}: {explanation.reason}"],
        "state": [_state(explanation.path, trace)],
        "unread": [explanation.unread] if explanation.unread else [],
    }


def _line(line: Line) -> dict[str, list[str]]:
    said = {"line": [_short(line.text)]}
    if line.written is None:
        return said | {"from": ["you wrote it"]}
    return said | {
        "written by": _authors(line.sources),
        "from": [f"{one.path}:{one.line}" if one.line else str(one.path) for one in line.sources],
        "macro": [f"{macro.path}:{macro.line}" for macro in line.macros],
        "answers": [_cause(one.cause) for one in line.inputs.answers if one.cause],
        **_inputs(line.inputs),
    }


def _inputs(inputs: Inputs) -> dict[str, list[str]]:
    return {
        "rows": [f"{_cause(one.cause)}, its {one.key}" for one in inputs.rows if one.cause],
        "pins": [f"{one.key}: {_short(one.value)}" for one in inputs.pins],
    }


def _authors(sources: Iterable[Source]) -> list[str]:
    causes = dict.fromkeys(cause for source in sources for cause in source.causes)
    return [_causes(causes) or "the template, whatever the answers"]


def _causes(causes: Iterable[Cause]) -> str:
    return ", ".join(map(_cause, causes))


def _cause(cause: Cause) -> str:
    answer = f"{cause.question}: {_short(cause.answer)}"
    if cause.trait:
        return f"trait: {cause.trait} (brought by {answer})"
    return f"{answer} ({cause.label})" if cause.label else answer


def _fragment(source: Source) -> str:
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
    trace, made, line = explanation.trace, explanation.provenance, explanation.line
    return {
        "path": str(explanation.path),
        "version": explanation.version,
        "source": made and _source_as_data(made.source),
        "fragments": [_source_as_data(fragment) for fragment in made.fragments] if made else [],
        "macros": [str(path) for path in made.macros] if made else [],
        "answers": made.answers if made else {},
        **_inputs_as_data(made.inputs if made else Inputs()),
        "line": line and _line_as_data(line),
        "owner": trace.owner if trace else Owner.YOURS,
        "reason": explanation.reason,
        "unread": [explanation.unread] if explanation.unread else [],
        "state": trace.state if trace else None,
        "edited": trace.edited if trace else None,
        "written_at": str(trace.path) if trace else None,
        "moved_to": str(trace.moved_to) if trace and trace.moved_to else None,
        "would_be_written_with": list(map(asdict, explanation.alternatives)),
    }


def _line_as_data(line: Line) -> dict[str, Any]:
    return {
        "number": line.number,
        "text": line.text,
        "written_at": line.written,
        "sources": [{**_source_as_data(one), "line": one.line} for one in line.sources],
        "macros": [{"path": str(macro.path), "line": macro.line} for macro in line.macros],
        "answers": [asdict(one.cause) for one in line.inputs.answers if one.cause],
        **_inputs_as_data(line.inputs),
    }


def _inputs_as_data(inputs: Inputs) -> dict[str, Any]:
    return {
        "rows": [
            {**asdict(one.cause), "key": one.key, "value": one.value}
            for one in inputs.rows
            if one.cause
        ],
        "pins": {one.key: one.value for one in inputs.pins},
    }


def _source_as_data(source: Source) -> dict[str, Any]:
    return {"path": str(source.path), "because_of": list(map(asdict, source.causes))}
