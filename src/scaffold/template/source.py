"""Templates: the one inside this package, and those from elsewhere."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from packaging.version import InvalidVersion, Version

from scaffold import git
from scaffold.errors import EnvironmentLackError, UsageError
from scaffold.git.process import PATIENCE
from scaffold.template.definition import Template
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a wheel carries (hatch_build.py puts it there).
EMBEDDED = Path(__file__).parents[1] / "_template"
#: What an editable install or a plain checkout renders: itself.
CHECKOUT = Path(__file__).parents[3]

#: A server that begins to answer and then says nothing more is given up.
_PATIENCE = ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={PATIENCE}")

SHORTHANDS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


@contextmanager
def opened(source: str | None = None, ref: str | None = None) -> Iterator[Template]:
    """Give a template for as long as it is needed: `Shelf.at` for one.

    Raises:
        UsageError: When the source or ref cannot be found.
        TemplateError: When it holds no template.
    """
    with Shelf() as shelf:
        yield shelf.at(source, ref)


class Shelf:
    """Templates, each fetched once and kept for as long as the block lasts.

    Args:
        tell: Who hears it, in two lines, when the embedded template stands in for another.
    """

    def __init__(self, tell: Callable[[str, str], None] | None = None) -> None:
        self.tell = tell
        self._told: set[str] = set()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._versions: dict[str, Versions | UsageError] = {}
        self._templates: dict[tuple[str | None, str | None], Template] = {}

    def __enter__(self) -> Self:
        """Begin with nothing fetched."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was fetched."""
        if self._scratch is not None:
            self._scratch.cleanup()

    def at(self, source: str | None = None, ref: str | None = None) -> Template:
        """Give a template.

        Args:
            source: A folder, a git URL, `gh:owner/name`, `gl:owner/name` or a git bundle;
                the template inside this package when there is none.
            ref: A tag, branch or commit. By default the embedded template as it is, or the newest
                release tag of any other, else its HEAD: Copier's rule.

        Raises:
            UsageError: When the source or ref cannot be found.
            TemplateError: When it holds no template.
        """
        if (source, ref) not in self._templates:
            self._templates[source, ref] = self._at(source, ref).checked()
        return self._templates[source, ref]

    def _at(self, source: str | None, ref: str | None) -> Template:
        if source is None:
            embedded = _embedded()
            if ref is None or (ref == embedded.commit and EMBEDDED.is_dir()):
                return embedded
            return self.versions(None).at(ref)
        url = expanded(source)
        if Path(url).is_dir() and not _is_repository(Path(url)):
            if ref:
                raise UsageError(
                    f"{shown(source)} is a plain folder, so --ref has nothing to choose from.",
                    "Leave --ref out, or name a git repository.",
                )
            return Template(Path(url), url)
        return self.versions(source).at(ref)

    def stand_in(self, source: str, why: str) -> None:
        """Say, once, that the embedded template is taken for one that cannot be had."""
        if self.tell and source not in self._told:
            self.tell(
                f"Note: {why}", "The template inside scaffold knows this version, and stands in."
            )
        self._told.add(source)

    def versions(self, source: str | None) -> Versions:
        """Give the history of a template that is a git repository or bundle, or the embedded one's.

        Raises:
            UsageError: When it has none that can be fetched.
        """
        if source is None:
            history = EMBEDDED / "history.bundle" if EMBEDDED.is_dir() else CHECKOUT
            if not history.exists():
                raise UsageError(
                    "This installation carries no older versions of the template.",
                    "Install a released wheel, or name the template's repository with --template.",
                )
            url, address = str(history), _address()
        else:
            url = expanded(source)
            address = url if Path(url).exists() else git.without_password(source)
        if url not in self._versions:
            if self._scratch is None:
                self._scratch = tempfile.TemporaryDirectory(prefix="scaffold-")
            folder = Path(self._scratch.name, str(len(self._versions)))
            try:
                self._versions[url] = Versions.fetched(url, address, folder)
            except UsageError as error:  # nor is it asked for again
                self._versions[url] = error
        found = self._versions[url]
        if isinstance(found, UsageError):
            raise found
        return found


def is_embedded(source: str) -> bool:
    """Tell whether an answers file's `_src_path` means the template inside this package."""
    return _canonical(source) == _canonical(_address())


def _canonical(source: str) -> str:
    """Give one spelling for all the ways to write the same address."""
    url = re.sub(r"^(ssh://)?git@([^:/]+)[:/]", r"https://\2/", expanded(source))
    return git.without_password(url).rstrip("/").removesuffix(".git").lower()


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one template.

    Attributes:
        clone: A clone of its repository, in which nothing changes any more.
        source: Where that came from, as an answers file records it.
    """

    clone: Path
    source: str
    _commits: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def fetched(cls, url: str, source: str, folder: Path) -> Versions:
        """Clone a repository or bundle.

        Raises:
            UsageError: When it cannot be fetched.
        """
        clone = folder / "clone"
        try:
            if ":" in url and not Path(url).exists():
                git.require_answer(url, folder.parent)
            git.run(*_PATIENCE, "clone", "--quiet", "--no-checkout", "--", url, str(clone))
        except git.GitError as error:
            raise UsageError(
                f"The template {shown(source)} cannot be fetched: {error}",
                "Name a folder, a git URL, gh:owner/name, gl:owner/name or a git bundle.",
            ) from error
        return cls(clone, source)

    def at(self, ref: str | None = None) -> Template:
        """Check out a version: a tag, branch or commit, the newest release by default.

        Raises:
            UsageError: When there is no such version.
        """
        wanted = ref or self.newest_release or "HEAD"
        commit = self.commit(wanted)
        if commit is None:
            tags = git.run("tag", "--sort=-version:refname", cwd=self.clone).split()
            raise UsageError(
                f"The template has no version {shown(wanted)}.",
                f"Its newest tags: {', '.join(tags[:5]) or 'none'}.",
            )
        folder = self.clone.parent / commit
        if not folder.exists():
            git.run("worktree", "add", "--quiet", "--detach", str(folder), commit, cwd=self.clone)
        return Template(folder, self.source, _describe(folder))

    def commit(self, ref: str) -> str | None:
        """Give the full name of the commit that a ref or a `git describe` means."""
        if ref not in self._commits:
            # A branch is known by its remote's name.
            found = map(self._found, (ref, f"origin/{ref}"))
            self._commits[ref] = next(filter(None, found), None)
        return self._commits[ref]

    def _found(self, name: str) -> str | None:
        with suppress(git.GitError):
            return git.run(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}",
                cwd=self.clone,
            )  # fmt: skip
        return None

    def precedes(self, older: str, newer: str) -> bool:
        """Tell whether one version is in the history of another; not so when either is unknown."""
        first, second = self.commit(older), self.commit(newer)
        if first is None or second is None or first == second:
            return False
        try:
            git.run("merge-base", "--is-ancestor", first, second, cwd=self.clone)
        except git.GitError:
            return False
        return True

    @property
    def newest_release(self) -> str | None:
        """The highest tag that PEP 440 calls a final release: the one that Copier takes."""
        releases = []
        for tag in git.run("tag", cwd=self.clone).split():
            with suppress(InvalidVersion):
                version = Version(tag)
                if not version.is_prerelease:
                    releases.append((version, tag))
        return max(releases)[1] if releases else None


def _is_repository(folder: Path) -> bool:
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    return bare or (folder / ".git").exists()


def _embedded() -> Template:
    if EMBEDDED.is_dir():
        return Template(EMBEDDED, _address(), _built_from()["commit"])
    return Template(CHECKOUT, _address(), _describe(CHECKOUT))


def _address() -> str:
    """Give where the template inside this package came from."""
    return str(_built_from()["source"] if EMBEDDED.is_dir() else CHECKOUT)


def _built_from() -> dict[str, Any]:
    """Give the source and the commit that the package was built from."""
    found: dict[str, Any] = json.loads((EMBEDDED / "origin.json").read_text("utf-8"))
    return found


def expanded(source: str) -> str:
    """Give the folder or URL that a shorthand, a relative path or `git+URL` stands for."""
    for shorthand, address in SHORTHANDS.items():
        if source.startswith(shorthand):
            return f"{address}{source.removeprefix(shorthand).strip('/').removesuffix('.git')}.git"
    local = Path(source).expanduser()
    return str(local.resolve()) if local.exists() else source.removeprefix("git+")


def _describe(repository: Path) -> str | None:
    try:
        return git.run("describe", "--tags", "--always", cwd=repository)
    except (git.GitError, EnvironmentLackError):
        return None
