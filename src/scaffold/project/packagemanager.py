"""Package managers: how each makes a lock file, and what it is told when it does.

A row of the stack names one (`lock: npm`); the rest is here, not in the template: what a template
says is never run.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from scaffold import child
from scaffold.git.process import without_password
from scaffold.project import personal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


@dataclass(frozen=True, slots=True)
class PackageManager:
    """How one package manager makes a lock file without installing or running anything."""

    name: str
    manifest: str
    file: str
    #: What names the project's folder, which is not where the package manager runs.
    project: str
    #: Asks the registry something small, and what it says when there is no answer at all.
    ask: tuple[str, ...]
    unanswered: str
    #: Makes the lock file.
    lock: tuple[str, ...]
    #: Holds the lock file to the manifest, as the project's own tasks will.
    check: tuple[str, ...]
    #: Makes its environment: what of somebody's settings holds for a lock file that all share.
    environment: Callable[[Workplace], dict[str, str]]
    #: Whether a project hides a package of its own name from what depends on that.
    hides: bool
    #: How its manifest is read.
    read: Callable[[str], Any]
    #: What of the manifest the lock file repeats or follows from; a dot goes into a table.
    keys: tuple[str, ...]

    #: What makes the lock file follow a manifest that has changed.
    renew: str

    def later(self, *, renew: bool = False) -> str:
        """Say what to do when there is no lock file, or when an old one is to be renewed."""
        if renew:
            return f"Run `{self.renew}` in the project, and commit {self.file}."
        return f"Run ops/setup in the project once {self.name} works; it makes {self.file}."

    def concerns(self, before: bytes, after: bytes) -> bool:
        """Tell whether a lock file has to follow from one manifest to another."""
        try:
            old, new = self.read(before.decode()), self.read(after.decode())
            return any(at(old, key) != at(new, key) for key in self.keys)
        except (ValueError, AttributeError):
            return True  # the package manager will say what is wrong


def at(manifest: Any, key: str) -> Any:
    """Give what a manifest has under a key; a dot goes into a table."""
    for name in key.split("."):
        manifest = manifest.get(name, {})
    return manifest


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a package manager makes a lock file.

    Attributes:
        scratch: A folder of our own. The manifest is in `project` below it, and nothing else: a
            template's settings could name programs to run, or registries to send tokens to.
        place: The folder that it runs in, where the project is or comes to be. That or one above
            may tell a version manager which version to take.
        python: The version of Python that the project names, if it does.
    """

    scratch: Path
    place: Path
    python: str

    @property
    def project(self) -> Path:
        """The folder with the manifest."""
        return self.scratch / "project"


def _npm(work: Workplace) -> dict[str, str]:
    env = personal.environment("npm_config_", personal.NPM, os.environ)
    own = {name.lower(): value for name, value in env.items()}.get("npm_config_userconfig")
    env["npm_config_userconfig"] = _kept(work.scratch / "user", own or "~/.npmrc")
    asked = ("npm", "config", "get", "globalconfig", "--no-workspaces")
    shared = child.run(asked, work.place, env, 20).stdout.strip()
    env["npm_config_globalconfig"] = _kept(work.scratch / "global", shared)
    return env


def _kept(kept: Path, npmrc: str) -> str:
    kept.write_text(personal.npmrc(text(Path(npmrc).expanduser()).splitlines()), "utf-8")
    return str(kept)


def _uv(work: Workplace) -> dict[str, str]:
    env = personal.environment("uv_", personal.UV, os.environ)
    for variable, path in personal.uv_files(os.environ).items():
        kept = work.scratch / variable / "uv/uv.toml"
        kept.parent.mkdir(parents=True)
        kept.write_text(personal.uv_toml(path) if path else "", "utf-8")
        env[variable] = str(work.scratch / variable)
    # A reason is a whole line, and nothing here gets a machine another Python.
    env |= {"UV_NO_WRAP": "1", "UV_PYTHON_DOWNLOADS": "never"}
    if _runs_here(text(work.project / "pyproject.toml")):
        env["UV_PYTHON"] = sys.executable  # there may be no other, or one behind a shim
    elif re.fullmatch(r"[\d.]+", work.python):
        env["PYENV_VERSION"] = work.python
    return env


def _runs_here(manifest: str) -> bool:
    """Tell whether the Python that runs this is one that a manifest takes."""
    try:
        wanted = SpecifierSet(tomllib.loads(manifest)["project"]["requires-python"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return False  # uv will say what is wrong
    return platform.python_version() in wanted


def text(path: Path) -> str:
    """Read a file; one that cannot be read is empty."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


MANAGERS: Mapping[str, PackageManager] = {
    "npm": PackageManager(
        name="npm",
        manifest="package.json",
        file="package-lock.json",
        project="--prefix",
        ask=("npm", "ping"),
        unanswered=r"code (ECONN|ENOTFOUND|EAI_AGAIN|\w*(TIME|UNREACH|SOCKET|FETCH_ERR))",
        # Nothing is run, so the Node that will run it need not be this one.
        lock=(
            "npm", "install", "--package-lock-only", "--ignore-scripts", "--no-engine-strict",
            "--omit-lockfile-registry-resolved", "--no-workspaces", "--no-audit", "--no-fund",
        ),
        check=(
            "npm", "ci", "--dry-run", "--ignore-scripts", "--no-engine-strict", "--no-workspaces",
            "--no-audit", "--no-fund",
        ),
        environment=_npm,
        hides=False,
        read=json.loads,
        keys=(
            "name", "version", "license", "bin", "engines", "os", "cpu", "workspaces", "overrides",
            "dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
            "peerDependenciesMeta", "bundleDependencies",
        ),
        renew="npm install",
    ),
    "uv": PackageManager(
        name="uv",
        manifest="pyproject.toml",
        file="uv.lock",
        project="--project",
        ask=("uv", "pip", "compile", "--no-deps", "--refresh", "--python", sys.executable, "-"),
        unanswered=r"client error \(Connect\)|timed out",
        # What has no wheel would have to be built, which runs its code.
        lock=("uv", "lock", "--no-build", "--no-progress"),
        check=("uv", "lock", "--check", "--no-build", "--no-progress"),
        environment=_uv,
        hides=True,
        read=tomllib.loads,
        keys=(
            "project.name", "project.version", "project.requires-python", "project.dependencies",
            "project.optional-dependencies", "dependency-groups", "tool.uv",
        ),
        renew="uv lock",
    ),
}  # fmt: skip


def reason(output: str) -> str:
    """Give what a package manager says is at the bottom of it, in a line."""
    text = without_password(output)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if "[stderr]" in lines[:-1]:  # uv quotes what it ran
        return lines[lines.index("[stderr]") + 1]
    said = [line.removeprefix("npm error").strip() for line in lines if line[:9] == "npm error"]
    if said:
        return _reason_of_npm(said)
    # Without the right password all that uv knows of an index is that it has no such package.
    if denied := re.search(r"^\W*hint: +(An index URL .*credentials.*)$", text, re.MULTILINE):
        return denied[1]
    causes = re.findall(r"^\W*(?:error|cause|Caused by|[╰├]─▶):? +(.+)$", text, re.MULTILINE)
    deepest = str(next(iter([*causes[::-1], *lines]), "it gave no reason"))
    address = re.search(r"https?://[^\s`)]+", text)
    return f"{deepest} ({address[0]})" if address and "://" not in deepest else deepest


def _reason_of_npm(said: list[str]) -> str:
    conflict = "Could not resolve dependency:"
    if conflict in said[:-1]:
        return f"{conflict} {said[said.index(conflict) + 1]}"
    about = ("code ", "errno ", "syscall ", "path ", "A complete log", "`npm ci` can only")
    telling = (line for line in said if line and not line.startswith(about))
    return re.sub(r"^(FetchError:|[\w.]+) (?=[A-Z]|request )", "", next(telling, said[0]))
