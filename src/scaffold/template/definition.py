"""A template as its `copier.yml` defines it: settings, questions, options."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import StrictUndefined
from packaging.version import Version

from scaffold.errors import ScaffoldError, TemplateError
from scaffold.template.catalog import Catalog
from scaffold.template.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: The Copier whose rules are followed here. A template that asks for a newer one is refused.
RULES_OF = Version("9.19.1")
#: The settings that are followed, and those that make no difference to a new project.
SUPPORTED = frozenset({
    "_answers_file", "_envops", "_exclude", "_min_copier_version", "_subdirectory",
    "_templates_suffix",
    "_message_after_copy", "_message_after_update", "_message_before_copy",
    "_message_before_update", "_skip_if_exists",
})  # fmt: skip


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
        answers_name: What a project calls its answers file, unless the template says.
    """

    root: Path
    source: str
    commit: str | None = None
    answers_name: str = ""

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
        rows, traits = (
            self.questions.get(name, {}).get("default", []) for name in ("catalog", "traits")
        )
        return Catalog.from_rows(rows, self.questions, traits)

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
        return self.answers_name or str(self.settings.get("_answers_file", ".copier-answers.yml"))

    def for_project(self, source: str, commit: str | None, answers_name: str) -> Template:
        """Give the same template as a project records it: its address, version and file."""
        known = replace(self, source=source, commit=commit, answers_name=answers_name)
        # What has been read and compiled does not depend on who asks.
        for fact in ("_config", "settings", "questions", "catalog", "environment"):
            known.__dict__[fact] = getattr(self, fact)
        return known

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
            adds_up = (
                key in {"_exclude", "_skip_if_exists"} and key in config
            )  # any other replaces the one before
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
