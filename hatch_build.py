"""Puts the template, its version and its history into the package.

A wheel carries `scaffold/_template/`: the template as the last commit has it, `origin.json`
(where it came from and which version it is) and `history.bundle` (every older version, as a git
bundle). An sdist carries the same, so that a wheel made from it is the same. An editable
install needs none of it and renders the checkout.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TEMPLATE = "_template"
#: Where the template's repository can be reached, unless the clone's origin says it, or for an
#: archive `Source` under `[project.urls]`.
SOURCE_VARIABLE = "SCAFFOLD_TEMPLATE_SOURCE"


class TemplateHook(BuildHookInterface[Any]):  # type: ignore[misc]  # hatchling has no types
    """Hatch's custom build hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Collect the template before the archive is written."""
        if self.target_name == "wheel" and version == "editable":
            return
        root = Path(self.root)
        packed = root / TEMPLATE
        if not packed.is_dir():  # a checkout; an unpacked sdist has it already
            self.scratch = tempfile.TemporaryDirectory(prefix="scaffold-build-")
            packed = Path(self.scratch.name)
            try:
                self._pack_commit(root, packed)
            except (OSError, subprocess.CalledProcessError):
                self._pack_tree(root, packed)
        prefix = "" if self.target_name == "sdist" else "scaffold/"
        build_data["force_include"][str(packed)] = f"{prefix}{TEMPLATE}"

    def finalize(self, *_: object) -> None:
        """Remove what was collected."""
        if hasattr(self, "scratch"):
            self.scratch.cleanup()

    def _pack_commit(self, root: Path, packed: Path) -> None:
        archive = _git(root, "archive", "HEAD", "copier.yml", "template")
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            # 3.11.0 to 3.11.3 know no filter; what is unpacked is this repository's own commit.
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(packed, **safely)  # type: ignore[arg-type]  # noqa: S202
        if _git(root, "status", "--porcelain", "--", "copier.yml", "template"):
            self.app.display_warning("Uncommitted changes of the template are left out.")
        if _text(root, "rev-parse", "--is-shallow-repository") == "true":
            self.app.display_warning(
                "A shallow clone: older versions of the template are left out."
            )
        else:
            _git(
                root,
                "bundle",
                "create",
                "--quiet",
                str(packed / "history.bundle"),
                "HEAD",
                "--tags",
            )
        _write_origin(packed, _source(root), _text(root, "describe", "--tags", "--always"))

    def _pack_tree(self, root: Path, packed: Path) -> None:
        self.app.display_warning("No git repository: older versions of the template are left out.")
        shutil.copy(root / "copier.yml", packed)
        shutil.copytree(root / "template", packed / "template", dirs_exist_ok=True)
        # Where an archive was unpacked says nothing tomorrow.
        source = os.environ.get(SOURCE_VARIABLE) or self.metadata.core.urls.get("Source")
        _write_origin(packed, source or str(root), None)


def _source(root: Path) -> str:
    """Give the address that generated projects record: no user, no password."""
    if named := os.environ.get(SOURCE_VARIABLE):
        return named
    try:
        origin = _text(root, "remote", "get-url", "origin")
    except subprocess.CalledProcessError:
        return str(root)
    local = (root / origin).resolve()
    if local.exists():
        return str(local)
    origin = re.sub(r"^(https?://)[^/@]+@", r"\1", origin)
    return re.sub(r"^(\w+://[^/@:]+):[^/@]*@", r"\1@", origin)


def _write_origin(packed: Path, source: str, commit: str | None) -> None:
    (packed / "origin.json").write_text(json.dumps({"source": source, "commit": commit}) + "\n")


def _text(root: Path, *args: str) -> str:
    return _git(root, *args).decode().strip()


def _git(root: Path, *args: str) -> bytes:
    return subprocess.run(["git", *args], cwd=root, check=True, stdout=subprocess.PIPE).stdout  # noqa: S607
