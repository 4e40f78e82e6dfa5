"""Lock files: made by uv and npm themselves, the same for everybody."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Call, Scaffold, answering

from scaffold.errors import UsageError
from scaffold.project import lockfile, personal
from scaffold.project.lockfile import LockError, make, remark, resolved
from scaffold.project.packagemanager import MANAGERS

UV, NPM = MANAGERS["uv"], MANAGERS["npm"]

MANIFEST = """\
[project]
name = "stock"
version = "0.1.0"
requires-python = ">=3.11,<3.16"
dependencies = ["idna==3.10"]

[tool.uv]
package = false

[tool.ruff]
line-length = 100
"""
PACKAGE = '{"name": "stock", "version": "0.1.0", "dependencies": {"debug": "4.4.3"}}'


def lock(manifest: str, so_far: bytes | None = None) -> bytes:
    return resolved(UV, manifest.encode(), Path(), so_far)


def versions(lock: bytes) -> dict[str, str]:
    return {each["name"]: each["version"] for each in tomllib.loads(lock.decode())["package"]}


@contextmanager
def index(
    folder: Path, packages: dict[str, list[str]], password: str = "", seconds: float = 0
) -> Iterator[str]:
    """Give an index of packages, all in version 1.0, with what each depends on."""
    wanted = f"Basic {base64.b64encode(password.encode()).decode()}" if password else None

    def answer(call: Call) -> tuple[int, bytes]:
        time.sleep(seconds)
        if call.headers["Authorization"] != wanted:
            return 401, b""
        name = call.path.rsplit("/", 2)[1] if call.path.endswith("/") else ""
        if name in packages:
            file = f"/files/{name}-1.0-py3-none-any.whl"
            return 200, f'<a href="{file}" data-core-metadata="true">{file[7:]}</a>'.encode()
        wheel = call.path.removesuffix(".metadata").rpartition("/")[2].partition("-")[0]
        if wheel not in packages:
            return 404, b""
        needs = "".join(f"Requires-Dist: {each}\n" for each in packages[wheel])
        return 200, f"Metadata-Version: 2.1\nName: {wheel}\nVersion: 1.0\n{needs}".encode()

    with answering(answer) as url:
        (folder / "cache").mkdir(exist_ok=True)
        yield f"{url}/simple"


@contextmanager
def black_hole() -> Iterator[str]:
    """Give an address that takes every call, and answers none."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have nothing in the caches of package managers."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    return tmp_path


def test_uv_locks_what_a_manifest_asks_for(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    python = MANIFEST.replace(">=3.11", ">=3.13")
    (project / "pyproject.toml").write_text(python)
    (project / ".python-version").write_text("3.13\n")  # a version manager is told that
    (project / "uv.toml").write_text("not TOML")  # settings beside it are not looked at
    assert make(UV, project) == ("uv.lock", None)
    lock = (project / "uv.lock").read_bytes()
    assert versions(lock) == {"idna": "3.10", "stock": "0.1.0"}
    assert {path.name for path in tmp_path.rglob("*")} == {
        "project", ".python-version", "pyproject.toml", "uv.lock", "uv.toml",
    }  # fmt: skip


def test_what_is_locked_already_stays_at_its_version() -> None:
    loose = MANIFEST.replace('"idna==3.10"', '"idna>=3.10", "sniffio==1.3.1"')
    now = lock(loose, lock(MANIFEST))
    assert versions(now) == {"idna": "3.10", "sniffio": "1.3.1", "stock": "0.1.0"}


def test_uv_chooses_the_same_for_everybody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What somebody prefers, in the environment or in a file, is not in the lock file."""
    clean = lock(MANIFEST)
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv/uv.toml").write_text(
        'exclude-newer = "2020-01-01T00:00:00Z"\nresolution = "lowest"\nprerelease = "allow"\n'
        'fork-strategy = "fewest"\nconstraint-dependencies = ["idna<3"]\n'
    )
    own = {
        "UV_EXCLUDE_NEWER": "2020-01-01T00:00:00Z", "UV_PRERELEASE": "allow", "UV_PYTHON": "3.8",
        "UV_RESOLUTION": "lowest", "UV_FORK_STRATEGY": "fewest", "UV_PROJECT": "/nowhere",
        "UV_WORKING_DIR": "/nowhere", "UV_NO_BINARY": "1", "UV_FROZEN": "1",
    }  # fmt: skip
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    assert lock(MANIFEST) == clean
    assert personal.uv_files({"UV_CONFIG_FILE": "own.toml"}) == {
        "XDG_CONFIG_HOME": Path("own.toml"), "XDG_CONFIG_DIRS": None,
    }  # fmt: skip


def test_what_the_project_itself_prefers_is_in_the_lock_file() -> None:
    own = MANIFEST.replace("[tool.uv]", '[tool.uv]\nresolution = "lowest"')
    assert tomllib.loads(lock(own).decode())["options"] == {"resolution-mode": "lowest"}


@pytest.mark.slow
def test_whoever_prefers_something_can_set_up_the_project(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    own = {
        "UV_EXCLUDE_NEWER": "2020-01-01T00:00:00Z", "UV_PRERELEASE": "allow",
        "UV_RESOLUTION": "lowest", "UV_FORK_STRATEGY": "fewest",
    }  # fmt: skip
    made = scaffold("new", "demo", "-dstack=python", "--defaults", "--no-git", **own)
    assert made.stderr == ""
    project = tmp_path / "demo"
    command, env = ["ops/setup"], {**os.environ, **own}
    done = subprocess.run(command, cwd=project, env=env, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_npm_chooses_the_same_for_everybody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean = resolved(NPM, PACKAGE.encode(), tmp_path)
    assert json.loads(clean)["packages"]["node_modules/ms"]
    own = {
        "before": "2020-01-01", "lockfile-version": "1", "legacy-peer-deps": "true",
        "install-strategy": "nested", "workspaces": "true", "omit": "dev", "dry-run": "true",
        "global": "true", "package-lock": "false",
    }  # fmt: skip
    (tmp_path / "npmrc").write_text("".join(f"{name}={value}\n" for name, value in own.items()))
    for file in ("userconfig", "globalconfig"):
        with monkeypatch.context() as patched:
            patched.setenv(f"npm_config_{file}", str(tmp_path / "npmrc"))
            assert resolved(NPM, PACKAGE.encode(), tmp_path) == clean
    for name, value in own.items():
        monkeypatch.setenv(f"NPM_CONFIG_{name.upper().replace('-', '_')}", value)
    assert resolved(NPM, PACKAGE.encode(), tmp_path) == clean


def test_a_persons_own_index_and_password_are_used(
    monkeypatch: pytest.MonkeyPatch, cold: Path
) -> None:
    """And since uv holds a lock file to the index that is set, it is named, and that is said."""
    manifest = MANIFEST.replace("idna==3.10", "outer")
    packages = {"outer": ["inner"], "inner": []}
    with index(cold, packages, "ada:s3cr3t") as url:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(cold))
        (cold / "uv").mkdir()
        secret = url.replace("://", "://ada:s3cr3t@")
        (cold / "uv/uv.toml").write_text(
            f'resolution = "lowest"\n[[index]]\nname = "ours"\nurl = "{secret}"\ndefault = true\n'
        )
        made = lock(manifest)
    assert versions(made).keys() == {"stock", "outer", "inner"}
    assert b"s3cr3t" not in made
    assert remark(UV, manifest.encode(), made) == (
        f"uv.lock names {url}, the index that is set on this machine.",
        "For everybody, name it in pyproject.toml as well, under [[tool.uv.index]].",
    )
    named = f'{manifest}\n[[tool.uv.index]]\nurl = "{url}"\ndefault = true\n'
    assert remark(UV, named.encode(), made) is None


@pytest.mark.parametrize(
    ("name", "needs"),
    [("Inner", ["inner"]), ("inner", ["inner>=1"]), ("outer", []), ("extra", [])],
    ids=["any version will do", "this version will not", "direct", "of the developers"],
)
def test_a_name_that_hides_a_dependency_is_refused(
    name: str, needs: list[str], monkeypatch: pytest.MonkeyPatch, cold: Path
) -> None:
    """For uv the project is that package: at best nothing is installed in its place."""
    (cold / "project").mkdir()
    (cold / "project/pyproject.toml").write_text(
        MANIFEST.replace('"stock"', f'"{name}"').replace("idna==3.10", "outer")
        + '[dependency-groups]\ndev = ["Extra"]\n'
    )
    with index(cold, {"outer": needs, "inner": [], "extra": []}) as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        with pytest.raises(UsageError) as refused:
            make(UV, cold / "project")
    name = name.lower()
    assert refused.value.message.startswith(f"'{name}' is no name for a project that depends on")
    assert refused.value.hint == f"Choose another name, such as {name}-service."
    assert not (cold / "project/uv.lock").exists()


def test_without_a_lock_file_a_name_is_held_to_the_manifest(scaffold: Scaffold, cold: Path) -> None:
    done = scaffold("new", "fastapi", "-dstack=python", "--no-lock", "--no-git")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert list(cold.iterdir()) == []


@pytest.mark.slow
def test_to_npm_a_name_hides_nothing(tmp_path: Path) -> None:
    """A dependency is looked for in node_modules, where the project itself is not."""
    made = resolved(NPM, PACKAGE.replace("stock", "debug").encode(), tmp_path)
    assert json.loads(made)["packages"]["node_modules/debug"]["version"] == "4.4.3"


@pytest.mark.parametrize(
    ("dependencies", "said"),
    [
        ('["idna==3.10", "idna==3.9"]', "your project's requirements are unsatisfiable."),
        ('["idna==99999"]', "no version of idna==99999"),
        ("idna", "uv made no uv.lock: TOML parse error at line 5"),
    ],
    ids=["unsatisfiable", "unheard of", "no TOML"],
)
def test_uv_says_why_it_cannot(dependencies: str, said: str) -> None:
    manifest = MANIFEST.replace('["idna==3.10"]', dependencies)
    with pytest.raises(LockError) as failed:
        lock(manifest)
    assert failed.value.message.startswith("uv made no uv.lock: ")
    assert said in failed.value.message
    assert "\n" not in failed.value.message
    assert "ops/setup" in failed.value.hint


def test_what_has_to_be_built_is_not_locked(tmp_path: Path) -> None:
    """Building runs what a package brings."""
    package = tmp_path / "evil"
    package.mkdir()
    (package / "setup.py").write_text(f"open({str(tmp_path / 'touched')!r}, 'w')\n")
    with pytest.raises(LockError, match=r"uv made no uv\.lock: "):
        lock(MANIFEST.replace("idna==3.10", f"evil @ file://{package}"))
    assert not (tmp_path / "touched").exists()


def test_no_python_is_downloaded() -> None:
    """Of this version uv knows where there is one."""
    with pytest.raises(LockError, match=r"uv made no uv\.lock: .*3\.15\.2") as failed:
        lock(MANIFEST.replace(">=3.11,<3.16", "==3.15.2"))
    assert "://" not in failed.value.message


def test_a_version_manager_sees_where_the_project_will_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The shim of one looks for a version in the folder that it runs in, and above that."""
    (tmp_path / "npm").write_text(
        '#!/bin/sh\n[ -f .tool-versions ] || { echo "No version is set for npm" >&2; exit 126; }\n'
        'for at; do :; done\necho "{}" >"$at/package-lock.json"\n'
    )
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(
        LockError, match=r"npm made no package-lock\.json: No version is set for npm"
    ):
        resolved(NPM, PACKAGE.encode(), tmp_path)
    (tmp_path / ".tool-versions").write_text("nodejs 24.19.0\n")
    assert resolved(NPM, PACKAGE.encode(), tmp_path) == b"{}\n"


@pytest.mark.parametrize("manager", ["uv", "npm"])
def test_a_registry_that_answers_nothing_is_not_waited_for(
    manager: str, monkeypatch: pytest.MonkeyPatch, cold: Path
) -> None:
    monkeypatch.setattr(lockfile, "FIRST_ANSWER", 3)
    monkeypatch.setattr(lockfile, "TIMEOUT", 0)  # nothing else is tried
    manifest = {"uv": MANIFEST, "npm": PACKAGE}[manager].encode()
    with black_hole() as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{url}/simple")
        monkeypatch.setenv("npm_config_registry", url)
        with pytest.raises(LockError, match="its registry answered nothing in 3 seconds"):
            resolved(MANAGERS[manager], manifest, cold)


@pytest.mark.slow
@pytest.mark.parametrize("manager", ["uv", "npm"])
@pytest.mark.parametrize("kind", ["refuses", "unknown", "silent"])
def test_without_a_network_it_takes_20_seconds_at_most(
    kind: str, manager: str, monkeypatch: pytest.MonkeyPatch, cold: Path
) -> None:
    manifest = {"uv": MANIFEST, "npm": PACKAGE}[manager].encode()
    with black_hole() as silent:
        url = {"refuses": "http://127.0.0.1:9", "unknown": "http://no.invalid"}.get(kind, silent)
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{url}/simple")
        monkeypatch.setenv("npm_config_registry", url)
        begin = time.monotonic()
        with pytest.raises(LockError, match=r"answered nothing|(?i:refused|not *known|notfound)"):
            resolved(MANAGERS[manager], manifest, cold)
    assert time.monotonic() - begin < 20


@pytest.mark.slow
def test_a_slow_registry_is_waited_for(monkeypatch: pytest.MonkeyPatch, cold: Path) -> None:
    monkeypatch.setattr(lockfile, "FIRST_ANSWER", 4)
    with index(cold, {"outer": ["inner"], "inner": ["last"], "last": []}, seconds=1.5) as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        begin = time.monotonic()
        assert versions(lock(MANIFEST.replace("idna==3.10", "outer"))).keys() >= {"last"}
    assert time.monotonic() - begin > 2 * lockfile.FIRST_ANSWER


def test_without_uv_it_says_what_to_run_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LockError) as failed:
        lock(MANIFEST)
    assert failed.value.message == "uv is not installed, so there is no uv.lock yet."


def test_a_lock_file_does_not_wait_for_the_right_node(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("npm_config_engine_strict", "true")
    lock = resolved(NPM, b'{"name": "stock", "engines": {"node": "99.x"}}', tmp_path)
    assert json.loads(lock)["packages"][""]["engines"] == {"node": "99.x"}
