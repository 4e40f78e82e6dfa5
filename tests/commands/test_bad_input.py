"""Wrong input gets two lines: what, where and the next step. Nothing is written."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from conftest import Scaffold

from scaffold.errors import UsageError
from scaffold.git import process
from scaffold.template.source import Shelf

QUICK = ("--defaults", "--no-lock", "--no-git")


def refused(scaffold: Scaffold, folder: Path, *args: str, code: int = 2) -> str:
    """Run a command that must fail, and give what it says."""
    before = sorted(folder.iterdir())
    done = scaffold(*args)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert 1 <= len(done.stderr.splitlines()) <= 2, done.stderr
    assert done.stderr.startswith("Error: ")
    assert sorted(folder.iterdir()) == before, "something was written"
    return done.stderr


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("My Service", "my-service"),
        ("-rf", "rf"),
        ("--force", "force"),
        ("\N{ROCKET}", "my-service"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe"),
        ("a" * 300, "a" * 50),
        ("http", "http-service"),
        ("con", "con-service"),
        ("node_modules", "node-modules"),
        ("a--b", "a-b"),
        ("9lives", "lives"),
        ("", "my-service"),
        ("name\n", "name"),
        ("$(id)", "id"),
        ("../X y", "-d project_name=x-y"),
    ],
)
def test_a_name_that_cannot_be_gets_the_rule_and_a_suggestion(
    scaffold: Scaffold, tmp_path: Path, name: str, suggestion: str
) -> None:
    error = refused(scaffold, tmp_path, "new", name, *QUICK)
    assert f"try '{suggestion}'" in error
    assert "lower-case letters" in error or "reserved by npm, Node or Windows" in error


def test_a_folder_that_holds_something_is_left_alone(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "my-service").mkdir()
    (tmp_path / "my-service/notes.txt").write_text("mine")
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK)
    assert "exists and is not an empty folder" in error
    assert (tmp_path / "my-service/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_something_else_of_that_name_is_left_alone(
    scaffold: Scaffold, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "my-service"
    path.write_text("mine") if kind == "file" else path.symlink_to("nowhere")
    assert "exists and is not a folder" in refused(scaffold, tmp_path, "new", "my-service", *QUICK)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("hostng=fly", "Did you mean 'hosting'?"),
        ("ci=github-actions", "Did you mean 'github'? The choices are github, gitlab"),
        ("hosting=flyio", "Did you mean 'fly'?"),
        ("stack=cobol", "The choices are node, python, fullstack, static"),
        ("ci", "-d takes key=value"),
        ("=x", "-d takes key=value"),
        ("project_name=other", "Leave out -d project_name="),
        ("use={}", "is no question"),
        ("pins={}", "is no question"),
        ("owner=", "on one line"),
        ("owner=a\nb", "on one line"),
        ("description=\x1b[31mred", "leave out control characters".capitalize()),
        ("description= ", "what the service does"),
    ],
)
def test_an_unknown_answer_gets_the_nearest_valid_ones(
    scaffold: Scaffold, tmp_path: Path, pair: str, said: str
) -> None:
    assert said in refused(scaffold, tmp_path, "new", "my-service", *QUICK, "-d", pair)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ci: [", "no valid YAML"),
        (b"- a\n- b\n", "no mapping"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"colour: red\n", "'colour' is no question"),
        (b"ci: {a: b}\n", "no answer to 'ci'"),
        (b"!!python/object/apply:os.system [id]", "no valid YAML"),
        (b"description: 2020-13-45\n", "no valid YAML"),
        (b"owner: " + b"[" * 5000, "no valid YAML"),
        (b"0\n", "no mapping"),
    ],
)
def test_a_file_of_answers_must_be_one(
    scaffold: Scaffold, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "answers.yml").write_bytes(content)
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--answers", "answers.yml")
    assert said in error


def test_a_file_of_answers_must_exist(scaffold: Scaffold, tmp_path: Path) -> None:
    error = refused(scaffold, tmp_path, "new", "my-service", "--answers", "nothing.yml")
    assert "'nothing.yml' cannot be read: No such file or directory" in error


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["new"], "Missing argument 'NAME'"),
        (["new", "a", "b"], "'b'"),
        (["new", "my-service", "--defalts"], "Did you mean '--defaults'?"),
        (["nwe", "my-service"], "nwe"),
        (["options", "hostig"], "Did you mean 'hosting'?"),
        (["new", "my-service", "--into", "nowhere"], "'nowhere' is not a folder"),
        (["new", "my-service", "--template", "nowhere"], "'nowhere' cannot be fetched"),
        (["new", "--defalts", "my-service"], "Did you mean '--defaults'?"),
        (["new", "my-service", "--hosting=fly"], "To answer a question: -d hosting=…"),
        (["new", "my-service", "--template", "--upload-pack=touch pwned"], "cannot be fetched"),
        (["new", "my-service", "--template", "ext::touch pwned"], "cannot be fetched"),
        (["new", "my-service", "--template", "https://bob:s3cret@127.0.0.1:9/x.git"], "fetched"),
        (["new", "my-service", "--template", "."], "it has no copier.yml"),
    ],
)
def test_a_wrong_command_line_says_what_would_be_right(
    scaffold: Scaffold, tmp_path: Path, args: list[str], said: str
) -> None:
    error = refused(scaffold, tmp_path, *args)
    assert said in error
    assert "s3cret" not in error


def test_without_a_command_it_shows_the_help_alone(scaffold: Scaffold) -> None:
    done = scaffold()
    assert done.returncode == 2
    assert "Usage: scaffold [OPTIONS] COMMAND" in done.stdout
    assert done.stderr == ""


def test_a_pair_that_cannot_work_is_refused_with_the_reason(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    pair = ("-d", "stack=static", "-d", "hosting=fly")
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, *pair)
    why = "Fly.io needs node or python or fullstack as stack, not static."
    assert f"'fly' cannot be chosen for 'hosting': {why}" in error
    assert "What fits: vercel, netlify." in error


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("_tasks: ['touch pwned']", "_tasks, which scaffold does not do"),
        ("_migrations: ['touch pwned']", "_migrations"),
        ("_external_data: {x: y}", "_external_data"),
        ("_jinja_extensions: [os]", "_jinja_extensions"),
        ("_preserve_symlinks: true", "_preserve_symlinks"),
        ("_secret_questions: [project_name]", "_secret_questions"),
        ("_min_copier_version: '99'", "Copier 99"),
        ("_templates_suffix: ''", "an empty _templates_suffix"),
        ("_subdirectory: '{{ x }}'", "a templated _subdirectory"),
        ("q: {default: a, secret: true}", "secret in 'q'"),
        ("q: {default: [a], choices: [a], multiselect: true}", "multiselect in 'q'"),
        ("q: {default: '{{ _copier_conf.src_path }}'}", "_copier_conf.src_path"),
        ("q: {default: '{{ _folder_name }}'}", "'_folder_name' is undefined"),
        ("q: {default: a, choices: 3}", "question 'q'"),
        ("_envops: {undefined: os.system}", "Unknown _envops.undefined"),
        ("_envops: {foo: 3}", "foo"),
        ("_envops: 3", "cannot be read"),
        ("_exclude: 3", "cannot be rendered"),
        ("catalog: {default: 3}", "row of the template is incomplete"),
        ("1: x", "cannot be read"),
        ("a: [", "cannot be read"),
        ("q: &a [*a]", "Circular reference"),
        ("_subdirectory: ../..", "leads out of the template"),
        ("_subdirectory: nowhere", "no folder"),
        ("x: !include ../outside.yml", "leads out of the template"),
        ("x: !include /etc/passwd", "cannot be read"),
    ],
)
def test_a_template_that_cannot_be_followed_is_refused(
    scaffold: Scaffold, tmp_path: Path, setting: str, said: str
) -> None:
    (tmp_path / "outside.yml").write_text("a: 1\n")
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/copier.yml").write_text(f"project_name: x\n{setting}\n")
    assert said in refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("{{ '..' }}/{{ '..' }}/pwned", b"x"),
        ("{{ '/tmp/pwned' }}", b"x"),
        ("secret.jinja", b"{% include '../outside' %}"),
        ("os.jinja", b"{{ ''.__class__.__mro__[1].__subclasses__() }}"),
        ("{{ 'a\\\\b' }}", b"x"),
        ("{{ '.git' }}/config", b"[core]\n\tfsmonitor = touch pwned\n"),
        ("sub/.GIT/hooks/pre-commit", b"x"),
    ],
)
def test_a_template_cannot_leave_its_place(
    scaffold: Scaffold, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / "outside").write_text("outside")
    (tmp_path / "evil/files").mkdir(parents=True)
    (tmp_path / "evil/copier.yml").write_text("project_name: x\n_subdirectory: files\n")
    path = tmp_path / "evil/files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")


def test_a_link_out_of_the_template_is_not_followed(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("outside")
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/copier.yml").write_text("project_name: x\n")
    (tmp_path / "evil/link").symlink_to("../outside")
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")
    assert "link leads out of the template" in error


def test_a_link_in_a_circle_is_not_followed(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "evil/folder").mkdir(parents=True)
    (tmp_path / "evil/copier.yml").write_text("project_name: x\n")
    (tmp_path / "evil/folder/again").symlink_to("..")
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")
    assert "folder/again leads to a folder that it is in" in error


@pytest.mark.parametrize(
    "content",
    [
        b"{{ 1 // 0 }}",
        b"{{ missing }}",
        b"{% if %}",
        b"\xff",
        b"{{ [] + 1 }}",
    ],
)
def test_a_template_that_fails_is_named_without_a_traceback(
    scaffold: Scaffold, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/copier.yml").write_text(
        "project_name: x\n_envops: {undefined: jinja2.StrictUndefined}\n"
    )
    (tmp_path / "broken/file.jinja").write_bytes(content)
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "broken")
    assert "file.jinja cannot be rendered: " in error


def test_a_template_cannot_write_to_the_terminal(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/copier.yml").write_text(
        """project_name: {type: str, default: x, validator: "\\e]0;pwned\\a\nsecond\nthird"}\n"""
    )
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")
    assert "pwned" in error
    assert "\x1b" not in error


def test_two_files_for_one_path_are_refused(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "evil/{{ '.' }}").mkdir(parents=True)
    (tmp_path / "evil/copier.yml").write_text("project_name: x\n")
    (tmp_path / "evil/a").write_text("one")
    (tmp_path / "evil/{{ '.' }}/a").write_text("two")
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")
    assert "Two files of the template write a: a and {{ '.' }}/a." in error


def test_a_path_is_a_file_or_a_folder(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "evil/{{ '.' }}/a").mkdir(parents=True)
    (tmp_path / "evil/copier.yml").write_text("project_name: x\n")
    (tmp_path / "evil/a").write_text("one")
    (tmp_path / "evil/{{ '.' }}/a/b").write_text("two")
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")
    assert "writes a both as a file and a folder" in error


def test_a_pipe_in_a_template_is_not_waited_for(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/copier.yml").write_text("project_name: x\n")
    os.mkfifo(tmp_path / "evil/pipe")
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "--template", "evil")
    assert "pipe is neither a file nor a folder" in error


@pytest.mark.parametrize("scheme", ["git", "https"])
def test_a_host_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """It takes the connection, and that is all; a test that waits for it is let go later."""
    monkeypatch.setattr(process, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, Shelf() as shelf:
        late = threading.Timer(10, silent.close)
        late.start()
        with pytest.raises(UsageError, match=r"its host gave no answer in 0\.2 seconds"):
            shelf.versions(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/template")
        late.cancel()


def test_debug_may_be_a_value(scaffold: Scaffold, tmp_path: Path) -> None:
    error = refused(scaffold, tmp_path, "new", "my-service", *QUICK, "-d", "--debug")
    assert "-d takes key=value, not '--debug'" in error


def test_debug_shows_the_traceback(scaffold: Scaffold) -> None:
    done = scaffold("--debug", "new", "My Service")
    assert "Traceback" in done.stderr
