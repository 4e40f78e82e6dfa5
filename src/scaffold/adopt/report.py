"""What an adoption says of itself: what it found, what it does, what is left to look at."""

from __future__ import annotations

import textwrap
from collections import Counter
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING, Any

from scaffold import console
from scaffold.errors import ScaffoldError
from scaffold.project import ownership
from scaffold.wording import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import PurePosixPath

    from scaffold.adopt.evidence import Guess
    from scaffold.adopt.plan import Adoption
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template

#: Where reasons begin in the table of answers, and how wide a report is.
REASONS, WIDTH = 32, 79

#: Where platforms look for pipelines, and at the top of a repository only.
PIPELINES = frozenset({".github", ".gitlab-ci.yml"})

#: The branch that a template's pipelines deploy from, where a provider has no word for the default.
MAIN = "main"


def show_answers(found: Mapping[str, Guess], given: Mapping[str, Any], answers: Answers) -> None:
    """Show each answer with what speaks for it."""
    console.say("What the repository shows:\n")
    for name, answer in answers.remembered.items():
        line = f"  {name:<13} {printable(str(answer))}"
        why = "given" if name in given else _reason(found.get(name), answer)
        if len(line) >= REASONS:
            console.say(_shortened(line))
            line = ""
        console.say(_wrapped(why, f"{line:<{REASONS}}", " " * REASONS))
    console.say()


def _reason(guess: Guess | None, answer: Any) -> str:
    """Say why an answer is what it is, if nobody gave it."""
    if guess is None or guess.answer is None:
        return "default: nothing here tells"
    clues = "; ".join(
        f"{'its folder' if clue.path == '.' else printable(clue.path)} {clue.says}"
        for clue in guess.clues[:2]
    )
    if guess.answer != answer:
        how = "next best" if answer in guess.alternatives else "default"
        return f"{how}: {clues}, which is no answer here"
    others = [str(other) for other in guess.alternatives]
    more = f"; it could be {' or '.join(others)}" if others and guess.confidence == "unsure" else ""
    return f"{guess.confidence}: {clues}{more}"


def show_files(result: Adoption, added: Iterable[str | PurePosixPath]) -> None:
    """Say what becomes of each file of the template."""
    told = {"added": added, "completed": result.completed, "taken": result.taken}
    for what, paths in told.items():
        for path in paths:
            console.say(f"  {what:<10} {printable(str(path))}")
    offers = Counter((offer.folder or offer.path, offer.reason) for offer in result.offers)
    for (path, reason), files in offers.items():
        many = f"{count(files, 'file')}; " if files > 1 else ""
        why = f"{printable(str(path))} ({many}{printable(reason)})"
        console.say(_wrapped(why, f"  {'yours':<10} ", " " * 13))
    brought = [
        pattern.removeprefix("/") + (f" ({count(files, 'file')})" if pattern.endswith("/") else "")
        for pattern, files in result.brought.items()
    ]
    if brought:
        console.say(_wrapped(", ".join(brought), f"  {'left out':<10} ", " " * 13))
    for path, lacking in result.stranded.items():
        why = f"{printable(str(path))} (goes with {printable(str(lacking))})"
        console.say(_wrapped(why, f"  {'left out':<10} ", " " * 13))
    numbers = {
        "added": len(result.added),
        "completed": len(result.completed),
        "taken": len(result.taken),
        "the same already": len(result.same),
        "yours": len(result.offers),
        "left out (only a new service needs them)": len(result.left_out),
        "left out (what they go with is yours)": len(result.stranded),
    }
    sums = ", ".join(f"{number} {what}" for what, number in numbers.items() if number)
    if result.offers or result.left_out or result.stranded:
        sums += f". What is yours or left out is listed in {ownership.FILE}: updates leave it alone"
    console.say(f"\n{_wrapped(f'{sums}.')}")


def advise(result: Adoption, prefix: PurePosixPath, branch: str) -> None:
    """Say what somebody has to look at, because it was made for a new service."""
    if result.expects:
        console.say("\nLook at these first; they name what only a new service has:")
        for path, names in result.expects.items():
            said = f"{printable(str(path))}: {', '.join(names)}"
            console.say(_wrapped(said, "  ", "    "))
    for manifest, keys in result.lacks.items():
        console.say(f"\n{manifest} was given none of these, which would change what runs today:")
        console.say(_wrapped(", ".join(keys), "  ", "  "))
    if result.other_lock:
        said = f"There is a {result.other_lock}; the files added here use {result.manager}."
        console.say(f"\n{said}")
    if roots := [*dict.fromkeys(result.stranded.values())]:
        said = (
            f"{', '.join(map(str, roots))}: yours stays, and what goes with the template's is left "
            "out. To have that too, give yours another name and adopt again, or take the "
            f"template's instead: {' '.join(f'--take {quote(str(path))}' for path in roots)}"
        )
        console.say(f"\n{_wrapped(printable(said))}")
    if branch != MAIN and _deploys(result, MAIN) and not _deploys(result, branch):
        said = (
            f"Pipelines deploy what is pushed to {MAIN}, and the branch here is {branch}: rename "
            "it, or put its name into those that were added."
        )
        console.say(f"\n{_wrapped(printable(said))}")
    if prefix.parts and any(path.parts[0] in PIPELINES for path in result.added):
        said = f"Pipelines run from the top of the repository only: those in {prefix}/ do not yet."
        console.say(f"\n{_wrapped(printable(said))}")


def _deploys(result: Adoption, branch: str) -> bool:
    """Tell whether a push to a branch deploys, by the pipelines that are added."""
    from scaffold.pipeline import Trigger, read  # noqa: PLC0415  # rarely needed

    files = {str(path): content for path, (content, _) in result.result.items()}
    with suppress(ScaffoldError):  # a template's that cannot be read
        jobs = read(files, branch).jobs
        return any(job.environment and Trigger.MAIN in job.triggers for job in jobs)
    return False


def folded(paths: Iterable[PurePosixPath], present: Iterable[PurePosixPath]) -> list[str]:
    """Give paths, those in a new folder as one."""
    folders = {path.parts[0] for path in present}
    tops = [(path.parts[0] if path.parts[0] not in folders else str(path)) for path in paths]
    files = {str(path) for path in paths}
    return [
        top if top in files else f"{top}/ ({count(number, 'file')})"
        for top, number in Counter(tops).items()
    ]


def _wrapped(text: str, first: str = "", others: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _shortened(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def as_data(template: Template, found: Mapping[str, Guess], result: Adoption) -> dict[str, Any]:
    """Give the same for programs."""
    return {
        "template": dict(template.metadata),
        "answers": result.answers.remembered,
        "guesses": {
            name: {
                "answer": guess.answer,
                "confidence": guess.confidence,
                "evidence": [{"path": clue.path, "says": clue.says} for clue in guess.clues],
                "alternatives": list(guess.alternatives),
            }
            for name, guess in found.items()
        },
        "added": [str(path) for path in result.added],
        "completed": [str(path) for path in result.completed],
        "taken": [str(path) for path in result.taken],
        "same": [str(path) for path in result.same],
        "yours": [
            {
                "path": str(offer.path),
                "reason": offer.reason,
                "content": offer.content.decode("utf-8", "replace"),
            }
            for offer in result.offers
        ],
        "left_out": [str(path) for path in result.left_out],
        "brought": result.brought,
        "stranded": {str(path): str(lacking) for path, lacking in result.stranded.items()},
        "lacks": {str(path): keys for path, keys in result.lacks.items()},
        "other_lock": result.other_lock,
        "look_at": {str(path): names for path, names in result.expects.items()},
    }
