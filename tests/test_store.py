"""What is installed once stands in for an installation, and only for the same one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import npm_once
import pytest
from store import Store

#: Installs one file, and notes that it was called.
NPM = """\
#!/bin/sh
echo "$*" >>"$(dirname "$0")/calls"
[ ! -f broken ] || exit 1
mkdir -p node_modules/ms && echo 1 >node_modules/ms/index.js
"""


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    """An npm that is none."""
    script = tmp_path / "npm"
    script.write_text(NPM)
    script.chmod(0o755)
    (tmp_path / "store").mkdir()
    return script


def project(folder: Path, name: str, **dependencies: str) -> Path:
    """Make one with a lock file."""
    folder.mkdir()
    manifest = {"name": name, "dependencies": dependencies}
    lock = {"name": name, "packages": {"": manifest}}
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder


def run(npm: Path, at: Path, *arguments: str) -> int:
    once = [sys.executable, "-IS", npm_once.__file__, str(npm.parent / "store"), str(npm)]
    return subprocess.run([*once, *arguments], cwd=at, check=False).returncode


def calls(npm: Path) -> list[str]:
    return (npm.parent / "calls").read_text().splitlines()


def test_the_same_packages_are_installed_once_whatever_a_project_is_called(npm: Path) -> None:
    first, second = (project(npm.parent / name, name, ms="2.1.3") for name in ("one", "two"))
    (second / "node_modules/old").mkdir(parents=True)
    for at in (first, second):
        assert run(npm, at, *npm_once.INSTALL) == 0
    assert calls(npm) == [" ".join(npm_once.INSTALL)]
    assert (first / "node_modules/ms/index.js").samefile(second / "node_modules/ms/index.js")
    assert [each.name for each in (second / "node_modules").iterdir()] == ["ms"], "as npm ci"


def test_others_are_not_these(npm: Path) -> None:
    for number, version in enumerate(("2.1.3", "2.1.2")):
        at = project(npm.parent / str(number), "one", ms=version)
        assert run(npm, at, *npm_once.INSTALL) == 0
    (at / ".npmrc").write_text("ignore-scripts=true\n")
    assert run(npm, at, *npm_once.INSTALL) == 0
    assert len(calls(npm)) == 3


def test_an_installation_that_failed_is_none(npm: Path) -> None:
    at = project(npm.parent / "one", "one")
    (at / "broken").touch()
    assert run(npm, at, *npm_once.INSTALL) == 1
    (at / "broken").unlink()
    assert run(npm, at, *npm_once.INSTALL) == 0
    assert len(calls(npm)) == 2


def test_all_else_is_npms_business(npm: Path) -> None:
    at = project(npm.parent / "one", "one")
    for arguments in (["run", "build"], ["ci", "--dry-run"], ["ci"]):
        run(npm, at, *arguments)
    (at / "package-lock.json").unlink()
    run(npm, at, *npm_once.INSTALL)
    assert calls(npm) == ["run build", "ci --dry-run", "ci", " ".join(npm_once.INSTALL)]


def test_what_was_interrupted_is_made_again(tmp_path: Path) -> None:
    store, made = Store(tmp_path), list[str]()

    def make(folder: Path) -> None:
        assert not list(folder.iterdir())
        (folder / "half").touch()
        made.append(folder.name)
        if len(made) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.made("it", make)
    assert (store.made("it", make), store.made("it", make)) == (tmp_path / "it",) * 2
    assert made == ["it"] * 2


#: Has only old versions in its cache.
STALE = """\
#!/bin/sh
echo "$* $npm_config_prefer_offline" >>"$(dirname "$0")/calls"
[ -z "$npm_config_prefer_offline" ] || { echo 'npm error code ETARGET' >&2; exit 1; }
"""


def test_a_version_that_npms_cache_does_not_know_of_is_asked_for(
    npm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_prefer_offline", "true")
    npm.write_text(STALE)
    at = project(npm.parent / "one", "one")
    assert run(npm, at, "install", "--package-lock-only") == 0
    assert calls(npm) == ["install --package-lock-only true", "install --package-lock-only "]
