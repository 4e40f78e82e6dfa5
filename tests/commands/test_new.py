"""`scaffold new`: one command, one project."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from conftest import Scaffold, copy_template, tree

from scaffold.git.process import without_password
from scaffold.template.source import expanded

QUICK = ("--defaults", "--no-lock", "--no-git")


def test_a_name_is_enough(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", "--no-lock")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(
        "Created my-service (Node, GitHub Actions, Fly.io, OSV, Env files, No database, "
        "UptimeRobot, Grafana, Better Stack, No error tracker, Slack, "
        "Proprietary): "
    )
    assert done.stdout.endswith("\nNext:\n  cd my-service\n  ops/setup\n  ops/dev\n")
    assert (tmp_path / "my-service/package.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["my-service"]


def test_the_first_commit_holds_everything(scaffold: Scaffold, tmp_path: Path) -> None:
    scaffold("new", "my-service", "--no-lock")
    git = ["git", "-C", str(tmp_path / "my-service")]
    log = subprocess.check_output([*git, "log", "--format=%s %D"], text=True)
    assert log.startswith("Start my-service from scaffold's template")
    assert "HEAD -> main" in log
    assert subprocess.check_output([*git, "status", "--porcelain"]) == b""
    modes = subprocess.check_output([*git, "ls-files", "--stage", "ops/deploy"], text=True)
    assert modes.startswith("100755")


def test_answers_come_from_options_then_from_a_file_then_by_default(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    (tmp_path / "answers.yml").write_text("ci: gitlab\nhosting: render\nowner: The file\n")
    done = scaffold(
        "new", "my-service", *QUICK, "--answers", "answers.yml", "-d", "hosting=fly", "--json"
    )
    answers = json.loads(done.stdout)["answers"]
    assert answers["ci"] == "gitlab"
    assert answers["hosting"] == "fly"
    assert answers["owner"] == "The file"
    assert answers["license"] == "proprietary"


def test_another_projects_answers_file_will_do(scaffold: Scaffold, tmp_path: Path) -> None:
    scaffold("new", "first", *QUICK, "-d", "ci=gitlab")
    done = scaffold("new", "second", *QUICK, "--answers", "first/.copier-answers.yml")
    assert done.returncode == 0, done.stderr
    answers = yaml.safe_load((tmp_path / "second/.copier-answers.yml").read_text())
    assert answers["project_name"] == "second"
    assert answers["ci"] == "gitlab"


def test_json_tells_all_that_happened(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", "--no-lock", "--json")
    report = json.loads(done.stdout)
    assert report["path"] == str(tmp_path / "my-service")
    assert report["lock"] is None
    assert len(report["commit"]) == 40
    assert report["next"] == ["cd my-service", "ops/setup", "ops/dev"]
    assert set(report["files"]) == set(tree(tmp_path / "my-service"))
    assert {"_src_path"} <= set(report["template"])


def test_into_makes_it_elsewhere(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    done = scaffold("new", "my-service", *QUICK, "--into", "services")
    assert "  cd services/my-service\n" in done.stdout
    assert (tmp_path / "services/my-service/Dockerfile").is_file()


def test_an_empty_folder_is_taken(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "my-service").mkdir()
    assert scaffold("new", "my-service", *QUICK).returncode == 0
    assert (tmp_path / "my-service/Dockerfile").is_file()


def test_the_users_umask_decides_the_modes(scaffold: Scaffold, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        scaffold("new", "my-service", *QUICK)
    finally:
        os.umask(old)
    project = tmp_path / "my-service"
    assert project.stat().st_mode & 0o777 == 0o750
    assert (project / "package.json").stat().st_mode & 0o777 == 0o640
    assert (project / "ops/deploy").stat().st_mode & 0o777 == 0o750


def test_inside_a_repository_none_is_made(scaffold: Scaffold, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    done = scaffold("new", "my-service", "--no-lock")
    assert done.returncode == 0
    assert done.stderr == (
        f"Note: my-service is in a git repository already, {tmp_path}, so none was made.\n"
        "  Commit it there; forges look for pipelines at the top of a repository only.\n"
    )
    assert not (tmp_path / "my-service/.git").exists()


def test_what_is_around_it_and_acts_upon_it_is_said(scaffold: Scaffold, tmp_path: Path) -> None:
    """Rules that leave files out of every clone, and workspaces that take its lock away."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("src/\n")
    (tmp_path / "package.json").write_text('{ "workspaces": ["services/*"] }')
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["services/*"]\n')
    (tmp_path / "services").mkdir()
    lines = scaffold("new", "services/orders", "--no-lock").stderr.splitlines()
    ignored = sum(path.startswith("src/") for path in tree(tmp_path / "services/orders"))
    assert lines[2].startswith(f"Note: That repository ignores {ignored} files of it: src/")
    assert lines[3] == "  Mend its .gitignore, or: git add --force services/orders"
    workspace = "has a workspace, in which no member has a lock of its own."
    without = "  If this would be one, leave it out there: "
    assert lines[4:] == [
        f"Note: {tmp_path}/package.json {workspace}",
        f'{without}"!services/orders" at the end of workspaces',
        f"Note: {tmp_path}/pyproject.toml {workspace}",
        f'{without}exclude = ["services/orders"]',
    ]


def test_without_an_author_the_repository_waits_for_its_first_commit(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    identity = [
        f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    ]
    (tmp_path / "gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    done = scaffold(
        "new", "my-service", "--no-lock", GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"),
        **dict.fromkeys(identity, ""),
    )  # fmt: skip
    assert done.returncode == 0
    assert "no first commit yet" in done.stderr
    assert "git commit -m" in done.stderr


def test_without_git_it_says_how_to_get_it(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", PATH="/nonexistent")
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "Error: git is not installed, or not on PATH.",
        "  Install it (apt install git, brew install git), or use --no-git.",
    ]
    assert list(tmp_path.iterdir()) == []
    assert scaffold("new", "my-service", "--no-git", PATH="/nonexistent").returncode == 0


def test_without_npm_it_says_what_to_run(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git") or "")
    done = scaffold("new", "my-service", PATH=str(tmp_path / "bin"))
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "Note: npm is not installed, so there is no package-lock.json yet.",
        "  Run ops/setup in the project once npm works; it makes package-lock.json.",
    ]


def test_offline_it_says_what_to_run(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold(
        "new", "my-service", npm_config_registry="http://127.0.0.1:9",
        npm_config_cache=str(tmp_path / "empty-cache"),
    )  # fmt: skip
    assert done.returncode == 0
    assert "Note: npm made no package-lock.json: " in done.stderr
    assert "Run ops/setup in the project once npm works" in done.stderr
    assert not (tmp_path / "my-service/package-lock.json").exists()


@pytest.mark.slow
def test_the_lock_file_names_no_registry(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", "--no-git")
    assert done.returncode == 0, done.stderr
    lock = (tmp_path / "my-service/package-lock.json").read_text()
    assert json.loads(lock)["name"] == "my-service"
    assert '"integrity"' in lock
    assert "://registry" not in lock


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [["-dstack=node"], ["-dstack=fullstack"], ["-dstack=static", "-dhosting=netlify"]]
)
def test_what_a_dependency_wants_beside_it_is_pinned_too(
    given: list[str], scaffold: Scaffold, tmp_path: Path
) -> None:
    """Of a peer that nobody names npm takes the newest, though it was published this minute."""
    assert scaffold("new", "demo", "--no-git", "--defaults", *given).returncode == 0
    locked = json.loads((tmp_path / "demo/package-lock.json").read_text())["packages"]
    named = {**locked[""].get("dependencies", {}), **locked[""]["devDependencies"]}
    dependencies = [locked[f"node_modules/{name}"] for name in named]
    wanted = {
        peer
        for dependency in dependencies
        for peer in dependency.get("peerDependencies", {})
        if not dependency.get("peerDependenciesMeta", {}).get(peer, {}).get("optional")
    }
    assert {"eslint", "vite"} <= wanted
    assert wanted <= named.keys()


def test_a_template_may_come_from_a_plain_folder(scaffold: Scaffold, tmp_path: Path) -> None:
    fork = copy_template(tmp_path / "fork")
    (fork / "template/project/OURS.md").write_text("# Ours\n")
    done = scaffold("new", "my-service", *QUICK, "--template", "fork")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-service/OURS.md").is_file()


def test_a_repository_that_the_environment_names_is_left_alone(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    """As inside a git hook, which has GIT_DIR set."""
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", str(other)], check=True)
    (other / "precious").write_text("uncommitted")
    done = scaffold(
        "new", "my-service", "--no-lock", GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other)
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-service/.git").is_dir()
    log = ["git", "-C", str(other), "log"]
    assert subprocess.run(log, check=False, capture_output=True).returncode == 128, "no commit"


def test_no_hook_of_the_machines_runs(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    hook = tmp_path / "hooks/post-commit"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    (tmp_path / "gitconfig").write_text(f"[core]\n\thooksPath = {hook.parent}\n")
    done = scaffold("new", "my-service", "--no-lock", GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))
    assert "a first commit" in done.stdout
    assert not (tmp_path / "ran").exists()


def test_a_persons_own_ignore_rules_leave_nothing_out(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "ignore").write_text("package.json\n")
    (tmp_path / "gitconfig").write_text(f"[core]\n\texcludesFile = {tmp_path / 'ignore'}\n")
    scaffold("new", "my-service", "--no-lock", GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))
    tracked = subprocess.check_output(["git", "ls-files"], cwd=tmp_path / "my-service", text=True)
    assert "package.json" in tracked.splitlines()


def test_the_package_manager_sees_the_manifest_alone(scaffold: Scaffold, tmp_path: Path) -> None:
    """A template's own .npmrc could name a program to run, or a registry to send tokens to."""
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin/npm"  # a stand-in that tells what it is asked
    npm.write_text(
        '#!/bin/sh\nfor at; do :; done\n[ "$1" = install ] || exit 0\n'
        'ls -A "$at" >"$TOLD"\necho "$*" >>"$TOLD"\necho {} >"$at/package-lock.json"\n'
    )
    npm.chmod(0o755)
    scaffold(
        "new", "my-service", "--no-git", TOLD=str(tmp_path / "told"),
        PATH=f"{npm.parent}:{os.environ['PATH']}",
    )  # fmt: skip
    listing, command = (tmp_path / "told").read_text().splitlines()
    assert listing == "package.json"
    assert {"--package-lock-only", "--ignore-scripts"} <= set(command.split())
    assert (tmp_path / "my-service/package-lock.json").read_text() == "{}\n"


@pytest.mark.parametrize("closed", ["<&-", ">/dev/null", "2>/dev/null", "| head -c 1"])
def test_streams_may_be_closed(tmp_path: Path, closed: str) -> None:
    command = f"{sys.executable} -m scaffold new my-service --no-lock --no-git {closed}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (tmp_path / "my-service/package.json").is_file()


def test_a_terminal_without_unicode_is_enough(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold(
        "new", "my-service", *QUICK, "--json", "-d", "owner=Søren", PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answers"]["owner"] == "Søren"
    assert "S\xf8ren" in (tmp_path / "my-service/LICENSE").read_text("utf-8")


def test_one_template_compiles_nothing_for_another(scaffold: Scaffold, tmp_path: Path) -> None:
    """The same text means another thing under another `_envops`."""
    for trim in ("false", "true"):
        template = tmp_path / f"trim-{trim}"
        template.mkdir()
        (template / "copier.yml").write_text(f"project_name: x\n_envops: {{trim_blocks: {trim}}}\n")
        (template / "a.jinja").write_text("{% if true %}\nhello\n{% endif %}\n")
        scaffold("new", f"with-{trim}", *QUICK, "--template", str(template))
    assert (tmp_path / "with-false/a").read_text() == "\nhello\n\n"
    assert (tmp_path / "with-true/a").read_text() == "hello\n"


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("gh:owner/name", "https://github.com/owner/name.git"),
        ("gl:group/sub/name.git", "https://gitlab.com/group/sub/name.git"),
        ("git+https://git.example/name", "https://git.example/name"),
        ("ssh://git@git.example/name.git", "ssh://git@git.example/name.git"),
    ],
)
def test_a_template_has_short_names(source: str, url: str) -> None:
    assert expanded(source) == url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fatal: https://bob:s3cret@git.example/x.git", "fatal: https://git.example/x.git"),
        ("https://t0ken@git.example/x.git", "https://git.example/x.git"),
        ("ssh://git:s3cret@git.example/x.git", "ssh://git@git.example/x.git"),
        ("git@git.example:x.git", "git@git.example:x.git"),
    ],
)
def test_a_password_in_an_address_is_not_passed_on(text: str, shown: str) -> None:
    assert without_password(text) == shown


@pytest.fixture
def served(fork: Path, tmp_path: Path) -> Iterator[str]:
    """The repository over HTTP on this machine; it takes any password, /private wants one."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/private"):
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    bare = tmp_path / "www/template.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(fork), str(bare)], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    handler = functools.partial(Handler, directory=str(bare.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_password_in_a_templates_address_is_not_recorded(
    scaffold: Scaffold, served: str, tmp_path: Path
) -> None:
    done = scaffold(
        "new", "my-service", "--no-lock", "--json",
        "--template", f"http://bob:s3cret@{served}/template.git",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = (tmp_path / "my-service/.copier-answers.yml").read_text()
    assert f"_src_path: http://{served}/template.git\n" in answers
    assert "s3cret" not in done.stdout + done.stderr + answers


def test_a_template_that_wants_a_password_is_not_asked_for(scaffold: Scaffold, served: str) -> None:
    done = scaffold("new", "x", *QUICK, "--template", f"http://{served}/private.git")
    assert done.returncode == 2
    assert "terminal prompts disabled" in done.stderr


def test_options_may_come_from_another_template(scaffold: Scaffold, fork: Path) -> None:
    row = fork / "template/project/{{ use.ci.github }}/_layer/option.yml"
    row.write_text(row.read_text().replace("label: GitHub Actions", "label: Ours"))
    git = ["git", "-C", str(fork), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "ours"], check=True)
    assert "Ours: " in scaffold("options", "--template", str(fork), "--ref", "main").stdout
    assert "Ours: " not in scaffold("options", "--template", str(fork)).stdout


def test_a_plain_folder_has_no_versions(scaffold: Scaffold, tmp_path: Path) -> None:
    copy_template(tmp_path / "plain")
    done = scaffold("new", "x", *QUICK, "--template", "plain", "--ref", "v1")
    assert done.returncode == 2
    assert "so --ref has nothing to choose from" in done.stderr


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A repository with the template at v1.0.0, v1.1.0, v2.0.0rc1 and, untagged, beyond."""
    folder = copy_template(tmp_path / "fork")
    git = ["git", "-C", str(folder)]
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(folder)], check=True)
    for version in ("v1.0.0", "v1.1.0", "v2.0.0rc1", ""):
        (folder / "template/project/VERSION").write_text(f"{version or 'main'}\n")
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", version or "more"], check=True)
        if version:
            subprocess.run([*git, "tag", version], check=True)
    return folder


@pytest.mark.parametrize(
    ("ref", "version"),
    [((), "v1.1.0"), (("--ref", "v1.0.0"), "v1.0.0"), (("--ref", "main"), "main")],
    ids=["newest release", "a tag", "a branch"],
)
def test_a_template_may_come_from_a_repository(
    scaffold: Scaffold, fork: Path, tmp_path: Path, ref: tuple[str, ...], version: str
) -> None:
    done = scaffold("new", "my-service", *QUICK, "--template", str(fork), *ref)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "my-service"
    assert (project / "VERSION").read_text() == f"{version}\n"
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["_src_path"] == str(fork)
    if version != "main":
        assert answers["_commit"] == version


def test_a_template_may_come_from_a_bundle(scaffold: Scaffold, fork: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "template.bundle"
    subprocess.run(
        ["git", "-C", str(fork), "bundle", "create", "--quiet", str(bundle), "HEAD", "--tags"],
        check=True,
    )
    done = scaffold("new", "my-service", *QUICK, "--template", str(bundle), "--ref", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-service/VERSION").read_text() == "v1.0.0\n"
