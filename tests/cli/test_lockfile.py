"""Lock files of Python services: made by uv itself, from the manifest and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from scaffold.lockfile import MANAGERS, LockError, make, resolved

UV = MANAGERS["uv"]

MANIFEST = """\
[project]
name = "stock"
version = "0.1.0"
requires-python = ">=3.13,<3.14"
dependencies = ["idna==3.10"]

[tool.uv]
package = false

[tool.ruff]
line-length = 100
"""


def versions(lock: bytes) -> dict[str, str]:
    return {each["name"]: each["version"] for each in tomllib.loads(lock.decode())["package"]}


def test_uv_locks_what_a_manifest_asks_for(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(MANIFEST)
    (tmp_path / "uv.toml").write_text("not TOML")  # settings beside it are not looked at
    assert make("uv", tmp_path) == "uv.lock"
    lock = (tmp_path / "uv.lock").read_bytes()
    assert versions(lock) == {"idna": "3.10", "stock": "0.1.0"}
    assert {path.name for path in tmp_path.iterdir()} == {"pyproject.toml", "uv.lock", "uv.toml"}


def test_what_is_locked_already_stays_at_its_version() -> None:
    lock = resolved(UV, MANIFEST.encode())
    loose = MANIFEST.replace('"idna==3.10"', '"idna>=3.10", "sniffio==1.3.1"').encode()
    now = resolved(UV, loose, lock)
    assert versions(now) == {"idna": "3.10", "sniffio": "1.3.1", "stock": "0.1.0"}


@pytest.mark.parametrize(
    ("dependencies", "said"),
    [
        ('["idna==3.10", "idna==3.9"]', "your project's requirements are unsatisfiable."),
        ('["idna==99999"]', "no version of idna==99999"),
        ("idna", "uv made no uv.lock: "),
    ],
    ids=["unsatisfiable", "unheard of", "no TOML"],
)
def test_uv_says_why_it_cannot(dependencies: str, said: str) -> None:
    manifest = MANIFEST.replace('["idna==3.10"]', dependencies).encode()
    with pytest.raises(LockError) as failed:
        resolved(UV, manifest)
    assert failed.value.message.startswith("uv made no uv.lock: ")
    assert said in failed.value.message
    assert "\n" not in failed.value.message
    assert "ops/setup" in failed.value.hint


def test_what_has_to_be_built_is_not_locked(tmp_path: Path) -> None:
    """Building runs what a package brings."""
    package = tmp_path / "evil"
    package.mkdir()
    (package / "setup.py").write_text(f"open({str(tmp_path / 'touched')!r}, 'w')\n")
    manifest = MANIFEST.replace("idna==3.10", f"evil @ file://{package}").encode()
    with pytest.raises(LockError, match=r"uv made no uv\.lock: "):
        resolved(UV, manifest)
    assert not (tmp_path / "touched").exists()


def test_without_uv_it_says_what_to_run_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LockError) as failed:
        resolved(UV, MANIFEST.encode())
    assert failed.value.message == "uv is not installed, so there is no uv.lock yet."


@pytest.mark.parametrize(
    ("old", "new", "concerned"),
    [
        ("idna==3.10", "idna==3.9", True),
        ("0.1.0", "0.2.0", True),
        ("<3.14", "<3.15", True),
        ("package = false", "package = true", True),
        ("[tool.ruff]", '[dependency-groups]\ndev = ["ruff"]\n\n[tool.ruff]', True),
        ("[tool.ruff]", "[tool.ruff", True),  # uv will say what is wrong
        ("[project]", "project = 7\n[other]", True),
        ("= 100", "= 110", False),
        ("[project]", '[project]\ndescription = "Counts"', False),
        ("[project]", "# The service.\n[project]", False),
    ],
)
def test_a_lock_file_follows_what_it_repeats(old: str, new: str, *, concerned: bool) -> None:
    assert old in MANIFEST
    after = MANIFEST.replace(old, new)
    assert UV.concerns(MANIFEST.encode(), after.encode()) is concerned
