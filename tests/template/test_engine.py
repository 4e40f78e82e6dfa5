"""The engine of the tasks as a team finds it: whose it is, how it reads, what tells it broke."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import ENGINE, ROOT, TEMPLATE

if TYPE_CHECKING:
    from conftest import Render

OPS = TEMPLATE.files_root / "ops"
#: As they lie in the template: that no layer renders them is one of the promises.
MODULES = sorted(
    path
    for path in TEMPLATE.files_root.rglob("*.py*")
    if f"/{ENGINE}/" in path.as_posix() or path.parent == OPS / "lib"
)
#: What our own code is held to, but for the formatter's business and what reads well as it is.
STRICT = (
    "--select=ALL",
    "--ignore=COM812,CPY,D107,D203,D213,D401,D413,EM,FBT,INP001,N818,PERF203,PLC0415,PLR2004,PTH110",
    "--ignore=PYI034,S311,S603,S607,TC,TRY003,UP031,UP036",
    "--per-file-ignores=selftest.py:D101,selftest.py:D102,selftest.py:PT009",
)


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command, and give how it ended."""
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def repository(project: Path) -> Path:
    """Make a project a repository, all of it committed."""
    for command in ("init --quiet", "add --all", "commit --quiet --message start"):
        run("git", *command.split(), cwd=project).check_returncode()
    return project


# How it reads


def test_modules_are_copied_as_they_lie() -> None:
    assert {path.suffix for path in MODULES} == {".py"}
    assert {"deploy.py", "host.py", "pipeline.py", "__main__.py"} <= {path.name for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-5:]))
def test_a_stranger_reads_a_module_in_one_go(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef(name=name, lineno=first, end_lineno=last):
                assert last
                assert last - first < 40, name
            case ast.Import(names=names):
                assert {each.name.partition(".")[0] for each in names} <= sys.stdlib_module_names
            case ast.ImportFrom(level=0, module=module):
                root = str(module).partition(".")[0]
                assert root == "engine" or root in sys.stdlib_module_names


def test_it_is_clean_by_more_rules_than_its_own() -> None:
    """In place, by the file that is in projects: a layer's modules have none above them."""
    ruff = ("--no-cache", f"--config={OPS / 'ruff.toml'}", *map(str, MODULES))
    for command in (["check"], ["check", *STRICT], ["format", "--check"]):
        done = run("ruff", *command, *ruff, cwd=ROOT)
        assert done.returncode == 0, done.stdout


# Whose it is


def test_the_linters_of_a_python_project_leave_it_alone(render: Render) -> None:
    project = render(stack="python", hosting="fly")

    def findings() -> str:
        done = [
            run("ruff", *it, "--no-cache", cwd=project) for it in (["check"], ["format", "--check"])
        ]
        return "".join(each.stdout for each in done if each.returncode)

    assert findings() == ""
    (project / "ops/ruff.toml").unlink()
    assert f"{ENGINE}/deploy.py" in findings(), "they look there, by the project's own rules"


def test_nothing_there_is_a_test_or_covered_as_the_services_own(render: Render) -> None:
    """Also where a project says less of its tests than ours: pytest goes by these names."""
    ops = render(stack="python", hosting="fly") / "ops"
    assert not [path for path in ops.rglob("*.py") if re.search(r"^test_|_test\.py$", path.name)]


def test_forges_fold_it_and_count_it_not(render: Render) -> None:
    project = repository(render())
    names = ["linguist-vendored", "linguist-generated", "gitlab-generated"]
    theirs = dict.fromkeys([f"{ENGINE}/deploy.py", "ops/lib/common.sh"], "set")
    ours = dict.fromkeys(["ops/deploy", "src/lib/app.ts"], "unspecified")
    for file, said in {**theirs, **ours}.items():
        told = run("git", "check-attr", *names, "--", file, cwd=project).stdout.splitlines()
        assert told == [f"{file}: {name}: {said}" for name in names]


def test_one_file_of_a_project_knows_where_it_lies(render: Render) -> None:
    """So that a team, or a later version, takes it from elsewhere by one line."""
    likely = re.compile(rf"{ENGINE}|python3? .*{Path(ENGINE).parent}\b|import engine\b|-m engine")
    project = render(stack="python", hosting="fly")
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    knows = [
        path.name
        for path in [*project.rglob("*"), *tests]
        if path.is_file() and likely.search(path.read_text("utf-8"))
    ]
    assert knows == ["common.sh"]


# What it leaves, and how long it takes


@pytest.mark.slow
def test_it_leaves_nothing_behind_and_runs_where_nothing_can_be_written(render: Render) -> None:
    project = repository(render())
    for command in (["ops/smoke", "http://127.0.0.1:9"], ["ops/releases", "live"]):
        assert run(*command, cwd=project, SMOKE_TIMEOUT="0").returncode in (1, 2, 3)
    assert run("ops/test", "--ops", cwd=project).returncode == 0
    assert run("git", "status", "--porcelain", "--ignored", cwd=project).stdout == ""


def test_help_is_there_at_once(render: Render) -> None:
    project = render()
    took = []
    for _ in range(5):
        began = time.monotonic()
        assert run("ops/smoke", "--help", cwd=project).returncode == 0
        took.append(time.monotonic() - began)
    assert min(took) <= 0.1


# Whether it still works


def edit(project: Path, module: str, pattern: str, new: str) -> None:
    """Edit a module of a project where a pattern fits."""
    path = project / ENGINE / module
    text, times = re.subn(pattern, new, path.read_text("utf-8"))
    assert times, (module, pattern)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize("hosting", ["fly", pytest.param("render", marks=pytest.mark.slow)])
def test_the_self_test_passes(render: Render, hosting: str) -> None:
    project = render(hosting=hosting)
    # As a hook of a push: git tells it which repository it is, and a person's settings are there.
    (project / "settings").write_text("[commit]\ngpgsign = true\n[core]\nhooksPath = /nowhere\n")
    told = {
        "GIT_DIR": str(project / "theirs"),
        "GIT_CONFIG_GLOBAL": str(project / "settings"),
        "CI": "true",
    }
    done = run("ops/test", "--ops", cwd=project, SERVICE_URL="http://127.0.0.1:9", **told)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"selftest: the \d promises of the tasks hold\n", done.stderr)
    assert not (project / "theirs").exists()


#: A self-test takes a second, and some of what it tells is enough to see at once.
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("module", "pattern", "new"),
    [
        pytest.param("deploy.py", r"\bat\.restore\(.*\)", "None", id="a deploy restores nothing"),
        pytest.param("deploy.py", r"\bat\.prove\(.*\)", "None",
                     id="a deploy proves nothing", marks=slow),
        pytest.param("record.py", r"self\._git\.insist\(.*\)", "None",
                     id="nothing is recorded", marks=slow),
        pytest.param("lock.py", r"git\.move\(self\._ref, ours, \"\"\)", "git",
                     id="it stays locked", marks=slow),
        pytest.param("hosting.py", r"self\.platform\.restore\(.*\)", "self.platform",
                     id="a rollback does nothing"),
        pytest.param("hosting.py", r"self\.record\.outdated\(target\)", "False",
                     id="a rollback brings old settings back", marks=slow),
        pytest.param("host.py", r"def restore\(", "def restored(",
                     id="a host that cannot restore", marks=slow),
        pytest.param("host.py", r"def deploy\(self, commit: str, image: str\)",
                     "def deploy(self, commit: str)", id="a host that takes no image", marks=slow),
        pytest.param("tasks.py", r"\.\{task\.", ".ed{task.",
                     id="a name that is not there", marks=slow),
    ],
)  # fmt: skip
def test_the_self_test_tells_an_edit_that_breaks_a_task(
    render: Render, module: str, pattern: str, new: str
) -> None:
    project = render(hosting="fly")
    edit(project, module, pattern, new)
    done = run("ops/test", "--ops", cwd=project)
    assert done.returncode == 1, done.stderr


def test_tests_run_it_where_there_is_what_it_takes(render: Render, tmp_path: Path) -> None:
    project = render()
    edit(project, "host.py", r"def restore\(", "def restored(")
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    report = "mkdir -p test-results; echo '<coverage line-rate=\"1\">' >test-results/coverage.xml"
    npm.write_text(f"#!/bin/sh\n{report}\n")
    npm.chmod(0o755)
    path = f"{npm.parent}{os.pathsep}{os.environ['PATH']}"
    done = run("ops/test", cwd=project, PATH=path)
    assert done.returncode == 1
    assert "do not keep their promises" in done.stderr
    # A machine for Node alone has neither, and nothing to deploy with.
    for tool in ("node", "sed", "awk", "mkdir", "rm", "dirname", "git"):
        (npm.parent / tool).symlink_to(
            run("sh", "-c", f"command -v {tool}", cwd=tmp_path).stdout.strip()
        )
    done = run("ops/test", cwd=project, PATH=str(npm.parent))
    assert (done.returncode, done.stderr) == (0, "")
    (npm.parent / "python3").write_text("#!/bin/sh\nexit 3\n")  # as one that is too old
    (npm.parent / "python3").chmod(0o755)
    assert run("ops/test", cwd=project, PATH=str(npm.parent)).returncode == 0
    assert run("ops/test", "--ops", cwd=project, PATH=str(npm.parent)).returncode == 3
