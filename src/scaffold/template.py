"""Templates: the one inside this package, and those from elsewhere."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from packaging.version import InvalidVersion, Version

from scaffold import git
from scaffold.catalog import Catalog
from scaffold.environment import Environment
from scaffold.errors import EnvironmentLackError, TemplateError, UsageError
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What a wheel carries (hatch_build.py puts it there).
EMBEDDED = Path(__file__).parent / "_template"
#: What an editable install or a plain checkout renders: itself.
CHECKOUT = Path(__file__).parents[2]

#: Settings that would run code of the template's, or that only Copier itself can follow.
UNSUPPORTED = ("_tasks", "_migrations", "_jinja_extensions", "_external_data")

SHORTHANDS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


@dataclass(frozen=True)
class Template:
    """A template on disk.

    Attributes:
        root: Its folder, the one with `copier.yml`.
        source: Where it came from, as an answers file records it (`_src_path`).
        commit: Its version, as `git describe --tags --always` gives it (`_commit`).
    """

    root: Path
    source: str
    commit: str | None = None

    @cached_property
    def _config(self) -> dict[str, Any]:
        return _load_config(self.root)

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Its settings, by their names in `copier.yml`."""
        return {key: value for key, value in self._config.items() if key.startswith("_")}

    @cached_property
    def questions(self) -> Mapping[str, Mapping[str, Any]]:
        """Its questions in order, each as a mapping of what `copier.yml` says of it."""
        return {
            key: value if isinstance(value, dict) else {"default": value}
            for key, value in self._config.items()
            if not key.startswith("_")
        }

    @cached_property
    def catalog(self) -> Catalog:
        """Its options."""
        rows = self.questions.get("catalog", {}).get("default", [])
        return Catalog.from_rows(rows, self.questions)

    @cached_property
    def environment(self) -> Environment:
        """Where its text is rendered."""
        return Environment(self.root, self.settings.get("_envops", {}))

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        """What an answers file says of the template itself."""
        commit = {"_commit": self.commit} if self.commit else {}
        return {**commit, "_src_path": self.source}

    @cached_property
    def context(self) -> Mapping[str, Any]:
        """What is known before the first question."""
        return {**self.metadata, "_copier_conf": {"answers_file": self.answers_file}}

    @property
    def answers_file(self) -> str:
        """Where a project keeps its answers."""
        return str(self.settings.get("_answers_file", ".copier-answers.yml"))

    @property
    def files_root(self) -> Path:
        """The folder that a project is rendered from.

        Raises:
            TemplateError: When it is not inside the template.
        """
        folder = self.root / str(self.settings.get("_subdirectory", ""))
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise TemplateError("The template's _subdirectory leads out of the template.")
        return folder


def _load_config(root: Path) -> dict[str, Any]:
    """Read `copier.yml`, with what it includes.

    Raises:
        TemplateError: When there is none, when it is no valid YAML, or when it asks for
            what would need `copier copy --trust`.
    """
    path = root / "copier.yml"

    class Loader(_YAML_LOADER):  # type: ignore[misc, valid-type]  # C or Python, as there is
        """Knows `!include`, which globs relative to the template."""

    def include(loader: Loader, node: yaml.Node) -> list[Any]:
        pattern = loader.construct_scalar(node)
        documents: list[Any] = []
        for found in sorted(root.glob(pattern)):
            if not found.resolve().is_relative_to(root.resolve()):
                raise TemplateError(f"{pattern} leads out of the template.")
            documents += _documents(found.read_text("utf-8"), Loader)
        return documents

    Loader.add_constructor("!include", include)
    try:
        config: dict[str, Any] = {}
        for document in _documents(path.read_text("utf-8"), Loader):
            config.update(document)
    except FileNotFoundError:
        raise TemplateError(
            f"There is no template in {root}: it has no copier.yml.",
            "Name a folder, a git URL or a git bundle that has one.",
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, NotImplementedError) as error:
        raise TemplateError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    unsupported = [key for key in UNSUPPORTED if config.get(key)]
    if unsupported:
        raise TemplateError(
            f"This template uses {', '.join(unsupported)}, which scaffold does not run.",
            "If you trust it, render it with `copier copy --trust`.",
        )
    return config


def _documents(text: str, loader: Any) -> list[Any]:
    """Give the documents of a YAML file, lists among them flattened, empty ones left out."""
    documents: list[Any] = []
    for document in yaml.load_all(text, Loader=loader):  # derived from a safe one
        documents += document if isinstance(document, list) else [document] if document else []
    return documents


_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@contextmanager
def opened(source: str | None = None, ref: str | None = None) -> Iterator[Template]:
    """Give a template for as long as it is needed.

    Args:
        source: A folder, a git URL, `gh:owner/name`, `gl:owner/name` or a git bundle;
            the template inside this package when there is none.
        ref: A tag, branch or commit. By default the embedded template as it is, or the newest
            release tag of any other, else its HEAD: Copier's rule.

    Raises:
        UsageError: When the source or ref cannot be found.
        TemplateError: When it holds no template.
    """
    if source is None and ref is None:
        yield _embedded()
    elif source is None:
        embedded = _embedded()
        history = EMBEDDED / "history.bundle" if EMBEDDED.is_dir() else CHECKOUT
        if not history.exists():
            raise UsageError(
                "This installation carries no older versions of the template.",
                "Install a released wheel, or name the template's repository with --template.",
            )
        with _cloned(str(history), ref, embedded.source) as template:
            yield template
    else:
        url = _expanded(source)
        folder = Path(url)
        if folder.is_dir() and not (folder / ".git").exists():
            if ref:
                raise UsageError(
                    f"{shown(source)} is a plain folder, so --ref has nothing to choose from.",
                    "Leave --ref out, or name a git repository.",
                )
            yield Template(folder, url)
        else:
            with _cloned(url, ref, url if folder.exists() else source) as template:
                yield template


def _embedded() -> Template:
    if EMBEDDED.is_dir():
        origin = json.loads((EMBEDDED / "origin.json").read_text("utf-8"))
        return Template(EMBEDDED, origin["source"], origin["commit"])
    return Template(CHECKOUT, str(CHECKOUT), _describe(CHECKOUT))


def _expanded(source: str) -> str:
    for shorthand, address in SHORTHANDS.items():
        if source.startswith(shorthand):
            return f"{address}{source.removeprefix(shorthand).strip('/').removesuffix('.git')}.git"
    local = Path(source).expanduser()
    return str(local.resolve()) if local.exists() else source.removeprefix("git+")


@contextmanager
def _cloned(url: str, ref: str | None, source: str) -> Iterator[Template]:
    with tempfile.TemporaryDirectory(prefix="scaffold-") as scratch:
        clone = Path(scratch) / "template"
        try:
            git.run("clone", "--quiet", "--no-checkout", "--", url, str(clone))
        except git.GitError as error:
            raise UsageError(
                f"The template {shown(source)} cannot be fetched: {_without_secret(str(error))}",
                "Name a folder, a git URL, gh:owner/name, gl:owner/name or a git bundle.",
            ) from error
        wanted = ref or _newest_release(clone) or "HEAD"
        try:
            commit = git.run(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted}^{{commit}}",
                cwd=clone,
            )  # fmt: skip
        except git.GitError:
            try:  # a branch is known by its remote's name
                commit = git.run(
                    "rev-parse", "--verify", "--quiet", "--end-of-options",
                    f"origin/{wanted}^{{commit}}", cwd=clone,
                )  # fmt: skip
            except git.GitError:
                tags = git.run("tag", "--sort=-version:refname", cwd=clone).split()
                raise UsageError(
                    f"The template has no version {shown(wanted)}.",
                    f"Its newest tags: {', '.join(tags[:5]) or 'none'}.",
                ) from None
        git.run("checkout", "--quiet", "--detach", commit, cwd=clone)
        yield Template(clone, source, _describe(clone))


def _newest_release(clone: Path) -> str | None:
    """Give the highest tag that PEP 440 calls a final release: the one that Copier takes."""
    releases = []
    for tag in git.run("tag", cwd=clone).split():
        try:
            version = Version(tag)
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            releases.append((version, tag))
    return max(releases)[1] if releases else None


def _describe(repository: Path) -> str | None:
    try:
        return git.run("describe", "--tags", "--always", cwd=repository)
    except (git.GitError, EnvironmentLackError):
        return None


def _without_secret(text: str) -> str:
    """Take the user and password out of any URL."""
    return re.sub(r"://[^/@\s]+@", "://", text)
