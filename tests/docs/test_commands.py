"""Every command in the documentation is run as it stands, page by page, top to bottom."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from conftest import ENGINE, ROOT, TEMPLATE, usual_ports
from postgres import BIN, postgres
from store import Store

BLOCK = re.compile(r"^```sh( background)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    if BLOCK.search(path.read_text("utf-8"))
)


def run_page(store: Store, page: str, folder: Path, **variables: str) -> str:
    """Run a page's commands in one shell, as a reader would, and give what they print."""
    script = ["set -eu"]
    for background, commands in BLOCK.findall((ROOT / page).read_text("utf-8")):
        # A server is started as in a second terminal, and gets a moment to come up.
        script.append(f"{{ {commands.strip()}; }} & sleep 5" if background else commands)
    output = folder.parent / "printed.txt"
    with output.open("w") as sink:
        process = subprocess.Popen(
            ["sh", "-c", "\n".join(script)],
            cwd=folder,
            env={**store.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=600)
        finally:
            kill_group(process.pid)
    printed = output.read_text("utf-8")
    output.unlink()
    assert code == 0, printed
    return printed


def kill_group(group: int) -> None:
    """End what a page left running, which is its own process group."""
    try:
        os.killpg(group, 9)
    except ProcessLookupError:
        return


def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "scaffold"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def test_every_page_with_commands_is_run_here() -> None:
    assert PAGES == [
        "README.md",
        "docs/how-to/add-an-option.md",
        "docs/how-to/adopt.md",
        "docs/how-to/change-the-schema.md",  # tests/databases/test_prove.py
        "docs/how-to/deploy-and-roll-back.md",  # tests/hosts/test_documents.py
        "docs/how-to/get-paged-for-the-right-thing.md",  # tests/monitoring/test_how_to_be_paged.py
        "docs/how-to/give-the-service-a-database.md",  # tests/databases/test_how_to.py
        "docs/how-to/give-the-service-a-secret.md",  # tests/hosts/test_documents.py
        "docs/how-to/put-a-feature-behind-a-flag.md",  # tests/template/test_flags.py
        "docs/how-to/script-it.md",
        "docs/how-to/start-on-a-forge.md",
        "docs/how-to/use-plain-copier.md",
        "docs/tutorial/first-service.md",
        "docs/tutorial/undo-a-migration.md",
        "docs/tutorial/update.md",
    ]


@pytest.mark.slow
def test_the_readme(clone: Path, tmp_path: Path) -> None:
    """A fresh clone and an environment with nothing in it but pip."""
    install, develop = BLOCK.findall((clone / "README.md").read_text("utf-8"))
    venv.create(tmp_path / "venv", with_pip=True)
    path = f"{tmp_path / 'venv/bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", install[1]], cwd=clone, env={**os.environ, "PATH": path}, check=False,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # What it shows is what one sees, after what pip says.
    readme = (clone / "README.md").read_text("utf-8")
    (shown,) = re.findall(r"```text\n(Created .*?)```", readme, re.DOTALL)
    assert done.stdout.endswith(f"\n{shown}")
    project = clone.parent / "my-service"
    assert (project / "package-lock.json").is_file()
    for folder in (project, clone):
        git = ["git", "-C", str(folder), "status", "--porcelain"]
        assert subprocess.check_output(git, text=True) == "", "each is a repository of its own"
    # The other command is this very run: .ci/run starts it as the README has it.
    assert f"\n({develop[1].strip()})" in (clone / ".ci/run").read_text("utf-8")


@pytest.mark.slow
def test_the_tutorial(store: Store, tmp_path: Path) -> None:
    with usual_ports():
        printed = run_page(store, "docs/tutorial/first-service.md", empty(tmp_path))
    assert "http://127.0.0.1:3000 is healthy" in printed
    assert '"status":"ok"' in printed
    assert '[{"item":"tea"}]' in printed
    assert "PORT: expected integer between 1 and 65535, got" in printed
    assert "LOG_LEVEL: expected one of" in printed
    assert "it did not start" in printed
    assert re.search(r"^v0\.1\.0-rc\.1$", printed, re.MULTILINE)
    assert re.search(r"^v0\.1\.0$", printed, re.MULTILINE)


@pytest.mark.slow
def test_the_tutorial_on_migrations(store: Store, tmp_path: Path) -> None:
    """The server is one of ours, in place of the image, and at another port than its."""
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n[ \"$*\" = 'compose up --detach --wait database' ]\n")
    docker.chmod(0o755)
    with usual_ports(), postgres() as server:
        path = f"{docker.parent}:{BIN}:{store.environment['PATH']}"
        printed = run_page(
            store, "docs/tutorial/undo-a-migration.md", empty(tmp_path),
            PATH=path, DATABASE_URL=server.url,
        )  # fmt: skip
    lists = [json.loads(line) for line in re.findall(r'\{"items":\[.*?\],.*?\}', printed)]
    tidied, back = ({it["title"]: it["body"] for it in found["items"]} for found in lists)
    assert (tidied["Buy milk"], "Call Ann" in tidied) == ("", True)
    assert (back["Buy milk"], "Call Ann" in back) == ("two bottles", False)
    answers = re.findall(r'"status":500|"title":"Buy bread and butter"', printed)
    assert answers[:2] == ['"status":500', '"title":"Buy bread and butter"']
    assert "local was not touched" in printed


@pytest.mark.slow
def test_the_tutorial_on_updates(store: Store, clone: Path) -> None:
    """Word for word: what it says of each file is what is printed, and what is there."""
    printed = run_page(store, "docs/tutorial/update.md", clone)
    for line in (
        "orders: v1.0.0 → v1.1.0",
        "  merged    package.json",
        "  merged    src/problems.ts",
        "  changed   package-lock.json",
        "  added     ops/who",
        "  kept      .github/dependabot.yml (you deleted it)",
        "  CONFLICT  README.md (both changed it)",
        "there is something newer",
        "there would be a conflict",
        "one conflict",
        "Everything is as it was before the update.",
        "Every conflict is decided, and the update is staged.",
        "The orders team",
        "## When it breaks",
        ".gitlab-ci.yml",
        "orders is at v1.1.0 already: nothing to do.",
    ):
        assert line in printed.splitlines(), line
    project = clone.parent / "orders"
    assert '"undici": "8.13.1"' in (project / "package.json").read_text("utf-8")
    assert '"zod": "4.6.6"' in (project / "package.json").read_text("utf-8")
    assert not (project / ".github").exists()
    status = subprocess.check_output(["git", "status", "--porcelain"], cwd=project, text=True)
    assert status == ""


@pytest.mark.slow
def test_adopt(store: Store, tmp_path: Path) -> None:
    folder = empty(tmp_path)
    printed = run_page(store, "docs/how-to/adopt.md", folder)
    assert "package.json says 'express'" in printed
    assert (folder / "shop/ops/deploy").is_file()
    assert (folder / "shop/README.md").read_text("utf-8").startswith("# shop\n")


@pytest.mark.slow
def test_start_on_a_forge(store: Store, tmp_path: Path) -> None:
    folder = empty(tmp_path)
    printed = run_page(store, "docs/how-to/start-on-a-forge.md", folder)
    assert "\nYours, as it was: README.md.\n" in printed
    git = ["git", "-C", str(folder / "orders")]
    assert subprocess.check_output([*git, "rev-list", "--count", "origin/main"]) == b"2\n"
    assert subprocess.check_output([*git, "status", "--porcelain"]) == b""


@pytest.mark.slow
def test_script_it(store: Store, tmp_path: Path) -> None:
    folder = empty(tmp_path)
    printed = run_page(store, "docs/how-to/script-it.md", folder).splitlines()
    jobs = '["ci/build","ci/lint","ci/test","ci/scan"]'
    hosts = [option.id for option in TEMPLATE.catalog.axis("hosting")]
    assert printed[-10:] == ["fly", jobs, *hosts]
    second = (folder / "second-service/.copier-answers.yml").read_text()
    assert "ci: gitlab" in second
    assert "owner: Team Blue" in second


@pytest.mark.slow
def test_use_plain_copier(store: Store, clone: Path) -> None:
    run_page(store, "docs/how-to/use-plain-copier.md", clone)
    assert (clone.parent / "my-service/Dockerfile").is_file()


@pytest.mark.slow
def test_add_an_option(store: Store, clone: Path) -> None:
    """The page is true: one new folder and its stand-in, and the option is everywhere."""
    # As after an editable installation: what is run is the clone.
    editable = {"PYTHONPATH": str(clone / "src")}
    printed = run_page(store, "docs/how-to/add-an-option.md", clone, **editable)
    changed = subprocess.check_output(
        ["git", "status", "--porcelain", "--untracked-files=all", "--", "template", "tests", "src"],
        cwd=clone, text=True,
    ).splitlines()  # fmt: skip
    layer = "template/project/{{ use.hosting.vm }}"
    new = (f'?? "{layer}/', '?? "template/project/{{ use.cache.')
    others = [line for line in changed if not line.startswith(new)]
    axis = " M template/questions/axes.yml"
    assert others == [axis, "?? tests/hosts/vendors/vm.py"], "nothing else is edited"
    assert "../shop/app/config.py:    CACHE_URL: Annotated[" in printed.splitlines()
    assert re.search(r"^  vm +Virtual machine: a machine of your own", printed, re.MULTILINE)
    assert "| `vm` |" in (clone / "docs/reference/options.md").read_text("utf-8")
    assert "| Virtual machine |" in (clone / "docs/reference/engine.md").read_text("utf-8")
    assert re.search(r"PASSED .*projects_with_every_option\[quick\]", printed), "of it, too"
    table = (clone / "docs/reference/hosts-proof.md").read_text("utf-8")
    assert "| Virtual machine |" in table.partition("what happens")[2].partition("\n")[0]
    counts = re.findall(r"^=+ (\d+) passed", printed, re.MULTILINE)
    assert len(counts) == 4, printed
    assert int(counts[2]) >= 25, "the contract"

    # Its modules are as tidy as those that are there.
    host = clone / layer / ENGINE / "host.py"
    for place, rules in (
        (host, ["--config", str(clone / "template/project/ops/ruff.toml")]),
        (clone / "tests/hosts/vendors/vm.py", []),
    ):
        ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", *rules, str(place)]
        tidy = subprocess.run(ruff, cwd=clone, check=False, capture_output=True, text=True)
        assert tidy.returncode == 0, tidy.stdout

    # Without one of its methods it is red by name.
    text = host.read_text("utf-8")
    host.write_text(text.replace("def freeze(", "def _freeze("), "utf-8")
    types = "-m pytest -n 0 -m slow tests/template/test_engine_types.py -k fits_the_core"
    red = subprocess.run(
        [sys.executable, *types.split()],
        cwd=clone, env={**os.environ, **editable}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert red.returncode == 1, red.stdout
    missing = r'"Host" is missing following "Platform" protocol member:\n.* note: +freeze$'
    assert re.search(missing, red.stdout, re.MULTILINE), red.stdout
    assert "'hosting': 'vm'" in red.stdout
