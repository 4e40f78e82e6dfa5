"""The files of a pipeline as one mapping: included, referred to, extended."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from scaffold.pipeline.source import MAX_VALUES, Reference, documents, flat, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = ".gitlab-ci.yml"
#: Files that one pipeline may include, as GitLab has it.
MAX_FILES = 150
#: How deep jobs may extend and refer to each other.
MAX_DEPTH = 11
#: What a job takes from `default`.
DEFAULTS = (
    "after_script", "artifacts", "before_script", "cache", "hooks", "id_tokens", "identity",
    "image", "interruptible", "retry", "services", "tags", "timeout",
)  # fmt: skip


class Configuration:
    """What the files of a pipeline say together.

    Args:
        files: The files of the repository.
        branch: Its main branch.
        notes: What could not be read, to be added to.
    """

    def __init__(self, files: Mapping[str, bytes], branch: str, notes: list[str]) -> None:
        self.files, self.branch, self.notes = files, branch, notes
        self.origin: dict[str, str] = {}
        self.read: list[str] = []
        self.left = MAX_VALUES
        raw = self._included(FILE)
        self.raw = raw
        resolved = {key: self._resolved(value, 0) for key, value in raw.items()}
        self.all = {
            key: self._extended(key, value, resolved, ()) if isinstance(value, dict) else value
            for key, value in resolved.items()
        }
        self.default = {
            **{key: self.all[key] for key in DEFAULTS if key in self.all},
            **mapping(self.all.get("default")),
        }
        self.variables = values_of(self.all.get("variables"))
        given = [text(stage) for stage in flat(self.all.get("stages", self.all.get("types")))]
        stages = [".pre", *(given or ["build", "test", "deploy"]), ".post"]
        self.stages = {stage: place for place, stage in enumerate(stages)}

    def note(self, *where: str) -> None:
        """Note what could not be read."""
        self.notes.append(": ".join(where))

    def _included(self, path: str, inputs: Mapping[str, str] | None = None) -> dict[str, Any]:
        self.read.append(path)
        found = documents(path, self.files[path])
        if len(found) > 1 and set(mapping(found[0])) <= {"spec"}:
            spec = mapping(mapping(mapping(found[0]).get("spec")).get("inputs"))
            defaults = {key: text(mapping(value).get("default")) for key, value in spec.items()}
            content = _interpolated(found[1], {**defaults, **(inputs or {})})
        else:
            content = found[0] if found else None
        content = mapping(content)
        result: dict[str, Any] = {}
        for include in flat(content.get("include")):
            for other, given in self._local(path, include):
                if len(self.read) >= MAX_FILES or other in self.read:
                    continue
                result = self._combined(result, self._included(other, given))
        for key in content:
            self.origin[key] = path
        return mapping(self._combined(result, content))

    def _local(self, path: str, include: Any) -> Iterator[tuple[str, dict[str, str]]]:
        spec = mapping(include)
        name = text(include) or text(spec.get("local"))
        if not name or "://" in name:
            kind = next(
                (k for k in ("project", "remote", "template", "component") if k in spec), ""
            )
            self.note(
                path,
                "include",
                f"{kind} {name or text(spec.get(kind))} is not in the repository".strip(),
            )
            return
        if spec.get("rules"):
            self.note(path, "include", f"{name} has rules; it was read as if they held")
        name = name.lstrip("/")
        given = {key: text(value) for key, value in mapping(spec.get("inputs")).items()}
        found = [name] if name in self.files else []
        if not found and "*" in name:
            found = [
                f
                for f in sorted(self.files)
                if fnmatchcase(f, name) and f.endswith((".yml", ".yaml"))
            ]
        if not found:
            self.note(path, "include", f"there is no {name}")
        for each in found:
            yield each, given

    def _combined(self, one: Any, other: Any) -> Any:
        """Put one mapping over another one, deep down."""
        self.left -= 1
        if not (isinstance(one, dict) and isinstance(other, dict)) or self.left < 0:
            return other
        return {
            **one,
            **{k: self._combined(one[k], v) if k in one else v for k, v in other.items()},
        }

    def _resolved(self, value: Any, depth: int) -> Any:
        """Replace references by what they refer to."""
        self.left -= 1
        if self.left < 0 or depth > 10 * MAX_DEPTH:
            if self.left == -1:
                self.note(FILE, "it refers to more than was read")
            return None
        if isinstance(value, Reference):
            found: Any = self.raw
            for key in value:
                found = mapping(found).get(key)
            if found is None:
                found = self._inherited(value)
            if found is None:
                self.note(FILE, f"!reference [{', '.join(value)}] refers to nothing")
            return self._resolved(found, depth + 10)
        if isinstance(value, dict):
            return {key: self._resolved(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self._resolved(each, depth + 1) for each in value]
        return value

    def _inherited(self, reference: Reference) -> Any:
        """Look where a job has it from that does not have it itself."""
        name, *keys = reference
        for _ in range(MAX_DEPTH):
            parents = flat(mapping(self.raw.get(name)).get("extends"))
            if not parents:
                return None
            name = text(parents[-1])
            found: Any = mapping(self.raw.get(name))
            for key in keys:
                found = mapping(found).get(key)
            if found is not None:
                return found
        return None

    def _extended(
        self, name: str, job: dict[str, Any], jobs: Mapping[str, Any], below: tuple[str, ...]
    ) -> dict[str, Any]:
        parents = [text(parent) for parent in flat(job.get("extends"))]
        result: dict[str, Any] = {}
        for parent in parents:
            if parent in below or len(below) > MAX_DEPTH or not isinstance(jobs.get(parent), dict):
                self.note(self.file(name), name, f"it extends '{parent}', which is no job")
                continue
            more = self._extended(parent, jobs[parent], jobs, (*below, name))
            result = self._combined(result, more)
        return self._combined(result, job) if parents else job

    def file(self, name: str) -> str:
        """Give the file that a job is written in."""
        return self.origin.get(name, FILE)


def values_of(spec: Any) -> dict[str, str]:
    """Give what variables are set to."""
    return {key: text(mapping(value).get("value", value)) for key, value in mapping(spec).items()}


def _interpolated(value: Any, inputs: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {_interpolated(k, inputs): _interpolated(v, inputs) for k, v in value.items()}
    if isinstance(value, Reference):
        return value
    if isinstance(value, list):
        return [_interpolated(each, inputs) for each in value]
    if not isinstance(value, str):
        return value
    found = re.sub(r"\$\[\[\s*inputs\.([\w-]+)[^\]]*\]\]", lambda m: inputs.get(m[1], m[0]), value)
    return found[:65_536]
