"""What a repository that no template made shows of itself: guesses at the answers.

Names hint and contents prove: a file that is there makes an option likely, a file that says
the right thing makes it sure. What to look for is in the option rows (`evidence`, `against`);
only what a manifest says of the project's name, purpose and owner is read here. Everything is
data: nothing of a repository is ever run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pathspec import PathSpec

from scaffold.adopt.identity import READERS, TEXTS, parsed
from scaffold.template.definition import broken
from scaffold.wording import shown, slug

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from scaffold.template.catalog import Catalog, Option

#: How sure a guess is: one that is unsure is worth a question.
Confidence = Literal["sure", "likely", "unsure"]
_DESCENDING: tuple[Confidence, ...] = ("sure", "likely", "unsure")

#: No manifest or pipeline that people write is larger (bytes), and no search takes long.
LIMIT = 256 * 1024
#: How many files that fit one glob are read for what they say.
MOST_FILES = 50


@dataclass(frozen=True, slots=True)
class Clue:
    """What a guess rests on.

    Attributes:
        path: A file of the repository, or `.` for its folder.
        says: What it shows, as the rest of a sentence: `is there`, `says 'express'`.
        against: Whether it speaks against the guess.
    """

    path: str
    says: str
    against: bool = False


@dataclass(frozen=True, slots=True)
class Guess:
    """A probable answer. The template's validators have not seen it.

    Attributes:
        question: What it answers.
        answer: The best one; None when nothing in the repository gives one.
        confidence: Whether it has to be confirmed.
        clues: Why.
        alternatives: Other answers that something speaks for, best first.
    """

    question: str
    answer: Any
    confidence: Confidence
    clues: tuple[Clue, ...] = ()
    alternatives: tuple[Any, ...] = ()


class Repo(Protocol):
    """What is known of a repository."""

    @property
    def paths(self) -> Sequence[PurePosixPath]:
        """Its tracked files, relative to the folder of the project."""

    def read(self, path: PurePosixPath) -> str:
        """Give the text of one of them; nothing when it is no text, or too long to be looked at."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A repository as it lies on disk.

    Attributes:
        root: The folder of the project.
        paths: Its tracked files, relative to it.
    """

    root: Path
    paths: tuple[PurePosixPath, ...]

    def read(self, path: PurePosixPath) -> str:
        """Give the text of a file; a link is none, wherever it leads."""
        file = self.root / path
        try:
            if path.is_absolute() or file.resolve() != self.root.resolve() / path:
                return ""  # there is a link on the way
            if not file.is_file():
                return ""  # a pipe would never end
            return decoded(file.read_bytes()) if file.stat().st_size <= LIMIT else ""
        except (OSError, RuntimeError, ValueError):  # unreadable, a circle of links, a NUL
            return ""


def decoded(content: bytes) -> str:
    """Decode a file, its line ends made alike; one that is long, binary or not UTF-8 is empty."""
    if len(content) > LIMIT or b"\0" in content:
        return ""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return ""


def infer(
    catalog: Catalog,
    questions: Mapping[str, Mapping[str, Any]],
    repo: Repo,
    folder_name: str,
) -> dict[str, Guess]:
    """Guess the answers that a repository shows.

    Args:
        catalog: The template's options.
        questions: The template's questions.
        repo: What to look at.
        folder_name: What its folder is called.

    Returns:
        A guess for every axis and for `project_name`, `description` and `owner`, as far as
        the template asks for them, in its order.

    Raises:
        TemplateError: When a row's evidence cannot be read.
    """
    search = _Search(repo)
    guesses: dict[str, Guess] = {}
    for axis in catalog.axes:
        answered = {name: guess.answer for name, guess in guesses.items()}
        guesses[axis] = _axis(axis, catalog.fitting(axis, answered), search)
    # What is only beside the service, such as a package.json for its styles, has another name.
    of_stack: Collection[str] = READERS
    if "stack" in guesses:
        of_stack = {clue.path for clue in guesses["stack"].clues if not clue.against}
    for question in TEXTS:
        found = list(_said(question, search, of_stack))
        if question == "project_name" and (name := slug(folder_name)):
            found.append(_Finding(name, "likely", Clue(".", f"is called {shown(folder_name)}")))
        guesses[question] = _best(question, found)
    asked = [name for name, spec in questions.items() if spec.get("when") is not False]
    return {name: guesses[name] for name in asked if name in guesses}


def brought(options: Iterable[Option], repo: Repo) -> dict[str, PathSpec[Any]]:
    """Say which paths a repository sees to itself, so that these options add none of them.

    Returns:
        Patterns like those of `.gitignore`, and what each matches.

    Raises:
        TemplateError: When a row's patterns cannot be read.
    """
    search = _Search(repo)
    lines: list[str] = []
    with broken("'application' or 'unless' in an option row of the template cannot be read"):
        for option in options:
            lines += option.row.get("application", ())
            for file, globs in option.row.get("unless", {}).items():
                if {name for glob in globs for name in search.matching(glob)} - {file}:
                    lines.append(f"/{file}")
        return {line: _spec(line) for line in lines}


def brought_keys(options: Iterable[Option]) -> dict[str, frozenset[str]]:
    """Say, for each manifest, which keys these options add to no existing one.

    Raises:
        TemplateError: When a row's keys cannot be read.
    """
    keys: dict[str, frozenset[str]] = defaultdict(frozenset)
    with broken("'application_keys' in an option row of the template cannot be read"):
        for option in options:
            for manifest, kept in option.row.get("application_keys", {}).items():
                keys[manifest] |= frozenset(kept)
    return dict(keys)


def requires(options: Iterable[Option]) -> list[tuple[PathSpec[Any], PathSpec[Any]]]:
    """Say which files of these options are nothing without which others.

    Raises:
        TemplateError: When a row's patterns cannot be read.
    """
    with broken("'requires' in an option row of the template cannot be read"):
        return [
            (PathSpec.from_lines("gitignore", [whose]), PathSpec.from_lines("gitignore", others))
            for option in options
            for whose, others in option.row.get("requires", {}).items()
        ]


@cache
def _spec(pattern: str) -> PathSpec[Any]:
    """Read one of the template's patterns; the rows of options have many in common."""
    return PathSpec.from_lines("gitignore", [pattern])


@dataclass(frozen=True, slots=True)
class _Sign:
    """One item of a row's `evidence` or `against`."""

    files: str
    says: re.Pattern[str] | None

    @classmethod
    def of(cls, item: str | Mapping[str, str]) -> _Sign:
        if isinstance(item, str):
            return cls(item, None)
        return cls(item["file"], re.compile(item["says"], re.MULTILINE))


class _Search:
    """Looks for signs in a repository, at every file at most once."""

    def __init__(self, repo: Repo) -> None:
        self._files = {str(path): path for path in sorted(repo.paths)}
        self._lower = {name: name.lower() for name in self._files}
        self._read = cache(lambda path: repo.read(path)[:LIMIT])
        self.matching = cache(self._matching)

    def _matching(self, glob: str) -> list[str]:
        # Names are compared in lower case, because LICENSE and License.md are one.
        glob = glob.lower()
        start = re.split(r"[*?[\\]", glob)[0]  # a quick test, for repositories with many files
        with broken("A glob in an option row of the template cannot be read"):
            fits = _spec(f"/{glob}").match_file
        return [name for name, low in self._lower.items() if low.startswith(start) and fits(low)]

    def text(self, name: str) -> str:
        """Give the text of a file that may not be there."""
        return self._read(self._files[name]) if name in self._files else ""

    def clue(self, sign: _Sign) -> Clue | None:
        """Give the first place where a sign is to be seen."""
        files = self.matching(sign.files)
        if sign.says is None:
            return Clue(files[0], "is there") if files else None
        for name in files[:MOST_FILES]:
            if found := sign.says.search(self.text(name)):
                return Clue(name, f"says {shown(found[found.lastindex or 0])}")
        return None

    def clues(self, option: Option, key: str) -> tuple[list[Clue], list[Clue]]:
        """Give a clue for each sign that is seen: what contents say, and what is merely there."""
        with broken(f"'{key}' in an option row of the template cannot be read"):
            signs = [_Sign.of(item) for item in option.row.get(key, ())]
        seen = [(sign, clue) for sign in signs if (clue := self.clue(sign))]
        contents = [*dict.fromkeys(clue for sign, clue in seen if sign.says)]
        told = {clue.path for clue in contents}
        return contents, [clue for sign, clue in seen if not sign.says and clue.path not in told]


@dataclass(frozen=True, slots=True)
class _Case:
    """What speaks for an option, and what against it."""

    option: Option
    contents: list[Clue]
    names: list[Clue]
    against: list[Clue]

    @classmethod
    def of(cls, option: Option, search: _Search) -> _Case:
        contents, names = search.clues(option, "evidence")
        says, strangers = search.clues(option, "against")
        return cls(option, contents, names, says + strangers)

    @property
    def stands(self) -> bool:
        """Whether it is worth a mention: a name alone is refuted by whatever is against it."""
        return bool(self.contents or (self.names and not self.against))

    @property
    def rank(self) -> tuple[bool, int, int]:
        return (bool(self.against), -len(self.contents), -len(self.names))

    @property
    def confidence(self) -> Confidence:
        return "unsure" if self.against else "sure" if self.contents else "likely"

    @property
    def clues(self) -> tuple[Clue, ...]:
        doubts = (
            Clue(clue.path, f"{clue.says}, which speaks against {self.option.label}", against=True)
            for clue in self.against
        )
        return (*self.contents, *self.names, *doubts)


def _axis(axis: str, options: Iterable[Option], search: _Search) -> Guess:
    cases = [case for option in options if (case := _Case.of(option, search)).stands]
    if not cases:
        return Guess(axis, None, "unsure")
    best, *others = sorted(cases, key=lambda case: case.rank)
    # What is doubted is no match for what files say.
    rivals = [case for case in others if not (case.against and best.contents)]
    return Guess(
        axis,
        best.option.id,
        "unsure" if rivals else best.confidence,
        best.clues,
        tuple(case.option.id for case in others),
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    """One answer from one place."""

    answer: str
    confidence: Confidence
    clue: Clue


def _best(question: str, found: list[_Finding]) -> Guess:
    if not found:
        return Guess(question, None, "unsure")
    best, *others = sorted(found, key=lambda finding: _DESCENDING.index(finding.confidence))
    rest = dict.fromkeys(other.answer for other in others if other.answer != best.answer)
    return Guess(question, best.answer, best.confidence, (best.clue,), tuple(rest))


def _said(question: str, search: _Search, of_stack: Iterable[str]) -> Iterable[_Finding]:
    for manifest, reader in READERS.items():
        said = parsed(reader, search.text(manifest)).get(question, "")
        answer = TEXTS[question](said)
        if not answer or not answer.isprintable():
            continue
        verbatim = answer in {said, said.rpartition("/")[2]}
        confidence: Confidence = "likely"
        if manifest not in of_stack:
            confidence = "unsure"
        elif verbatim and question != "owner":  # who wrote it need not be who owns it
            confidence = "sure"
        yield _Finding(answer, confidence, Clue(manifest, f"says {shown(said)}"))
