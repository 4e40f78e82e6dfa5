"""Templates: the one inside this package, and those from elsewhere."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import StrictUndefined
from packaging.version import InvalidVersion, Version

from scaffold import git
from scaffold.catalog import Catalog
from scaffold.environment import Environment
from scaffold.errors import EnvironmentLackError, ScaffoldError, TemplateError, UsageError
from scaffold.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What a wheel carries (hatch_build.py puts it there).
EMBEDDED = Path(__file__).parent / "_template"
#: What an editable install or a plain checkout renders: itself.
CHECKOUT = Path(__file__).parents[2]

#: The Copier whose rules are followed here. A template that asks for a newer one is refused.
RULES_OF = Version("9.19.1")
#: The settings that are followed, and those that make no difference to a new project.
SUPPORTED = frozenset({
    "_answers_file", "_envops", "_exclude", "_min_copier_version", "_subdirectory",
    "_templates_suffix",
    "_message_after_copy", "_message_after_update", "_message_before_copy",
    "_message_before_update", "_skip_if_exists",
})  # fmt: skip

SHORTHANDS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


class _Conf(dict[str, Any]):
    """What a template may ask about the run. Anything else is an error, not an empty text."""

    def __missing__(self, key: str) -> Any:
        raise TemplateError(f"This template uses _copier_conf.{key}, which scaffold does not know.")


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
        unknown = {
            name: StrictUndefined(name=name)
            for name in ("_copier_phase", "_copier_python", "_folder_name")
        }
        conf = _Conf(answers_file=self.answers_file)
        return {**unknown, **self.metadata, "_copier_conf": conf}

    @property
    def answers_file(self) -> str:
        """Where a project keeps its answers."""
        return str(self.settings.get("_answers_file", ".copier-answers.yml"))

    @property
    def files_root(self) -> Path:
        """The folder that a project is rendered from."""
        return self.root / str(self.settings.get("_subdirectory", ""))

    def checked(self) -> Template:
        """Read all that can be read before an answer is known.

        Raises:
            TemplateError: When the template is broken, or asks for what is not done here.
        """
        with broken("The template cannot be read"):
            json.dumps(self._config, default=str, skipkeys=True)  # fails on what holds itself
            self._refuse_unsupported()
            if not self.files_root.resolve().is_relative_to(self.root.resolve()):
                raise TemplateError("The template's _subdirectory leads out of the template.")
            if not self.files_root.is_dir():
                raise TemplateError("The template's _subdirectory is no folder in it.")
            _ = self.catalog, self.environment
        return self

    def _refuse_unsupported(self) -> None:
        wants = [key for key in self.settings if key not in SUPPORTED and self.settings[key]]
        wants += [
            f"{key} in '{name}'"
            for name, spec in self.questions.items()
            for key in ("multiselect", "secret")
            if spec.get(key)
        ]
        if Version(str(self.settings.get("_min_copier_version", "0"))) > RULES_OF:
            wants.append(f"Copier {self.settings['_min_copier_version']}")
        if "{" in str(self.settings.get("_subdirectory", "")):
            wants.append("a templated _subdirectory")
        if not self.settings.get("_templates_suffix", ".jinja"):
            wants.append("an empty _templates_suffix")
        if wants:
            raise TemplateError(
                f"This template uses {', '.join(wants)}, which scaffold does not do.",
                "If you trust it, render it with `copier copy`.",
            )


def _load_config(root: Path) -> dict[str, Any]:
    """Read `copier.yml`, with what it includes.

    Raises:
        TemplateError: When there is none, or when it includes what is not in the template.
    """
    path = next((p for p in (root / "copier.yml", root / "copier.yaml") if p.is_file()), None)
    if path is None:
        raise TemplateError(
            f"There is no template in {root}: it has no copier.yml.",
            "Name a folder, a git URL or a git bundle that has one.",
        )

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
    config: dict[str, Any] = {}
    for document in _documents(path.read_text("utf-8"), Loader):
        for key, value in document.items():
            adds_up = key == "_exclude" and key in config  # any other replaces the one before
            config[key] = config[key] + value if adds_up else value
    return config


def _documents(text: str, loader: Any) -> list[Any]:
    """Give the documents of a YAML file, lists among them flattened, empty ones left out."""
    documents: list[Any] = []
    for document in yaml.load_all(text, Loader=loader):  # derived from a safe one
        documents += document if isinstance(document, list) else [document] if document else []
    return documents


_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@contextmanager
def broken(what: str) -> Iterator[None]:
    """Blame the template for whatever goes wrong: it may hold anything.

    Raises:
        TemplateError: Instead of any error that is not one of ours.
    """
    try:
        yield
    except ScaffoldError:
        raise
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise TemplateError(f"{what}: {said[:200]}") from error


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
        yield _embedded().checked()
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
        url = expanded(source)
        folder = Path(url)
        if folder.is_dir() and not _is_repository(folder):
            if ref:
                raise UsageError(
                    f"{shown(source)} is a plain folder, so --ref has nothing to choose from.",
                    "Leave --ref out, or name a git repository.",
                )
            yield Template(folder, url).checked()
        else:
            address = url if folder.exists() else git.without_password(source)
            with _cloned(url, ref, address) as template:
                yield template


def _is_repository(folder: Path) -> bool:
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    return bare or (folder / ".git").exists()


def _embedded() -> Template:
    if EMBEDDED.is_dir():
        origin = json.loads((EMBEDDED / "origin.json").read_text("utf-8"))
        return Template(EMBEDDED, origin["source"], origin["commit"])
    return Template(CHECKOUT, str(CHECKOUT), _describe(CHECKOUT))


def expanded(source: str) -> str:
    """Give the folder or URL that a shorthand, a relative path or `git+URL` stands for."""
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
                f"The template {shown(source)} cannot be fetched: {error}",
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
        yield Template(clone, source, _describe(clone)).checked()


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
