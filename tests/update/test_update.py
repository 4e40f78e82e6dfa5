"""`scaffold update`, as somebody who runs it sees it. Each test has a template of a few lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest
from conftest import ROOT, Scaffold, Terminal, tree
from project import commit_all, fresh, git, repository, snapshot, write

ANSWERS = {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml -}}\n"}
LINES = "".join(f"line {number}\n" for number in range(1, 21))
QUESTIONS = "project_name: thing\n_subdirectory: files\n"


def versions(folder: Path, *contents: Mapping[str, str], questions: str = QUESTIONS) -> Path:
    """Make a template's repository: v1.0.0, v2.0.0 … with these files; `copier.yml` among them."""
    folder.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    for number, files in enumerate(contents, 1):
        if number > 1:
            git("rm", "-r", "--quiet", ".", cwd=folder)
        write(folder, {"copier.yml": questions})
        inside = {name: text for name, text in files.items() if name != "copier.yml"}
        write(folder / "files", {**ANSWERS, **inside})
        write(folder, {name: files[name] for name in files.keys() & {"copier.yml"}})
        commit_all(folder)
        git("tag", f"v{number}.0.0", cwd=folder)
    return folder


def edit(project: Path, files: Mapping[str, str]) -> None:
    write(project, files)
    commit_all(project)


# What it does.


def test_an_unedited_project_becomes_a_fresh_one_and_is_told_file_by_file(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t",
        {"a": "1\n", "gone": "x\n", "old/name": LINES, "run": "exit\n"},
        {"a": "2\n", "new": "y\n", "new/name".replace("new/", "moved/"): LINES, "run": "#!exit\n"},
    )
    project = repository(template, tmp_path / "p")
    done = scaffold("update", "p")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "thing: v1.0.0 → v2.0.0\n"
        "\n"
        "  changed   .copier-answers.yml\n"
        "  changed   a\n"
        "  removed   gone\n"
        "  renamed   old/name → moved/name\n"
        "  added     new\n"
        "  changed   run\n"
        "\n"
        "3 changed, 1 removed, 1 renamed, 1 added.\n"
        "All of it is staged, nothing is committed.\n"
        "\n"
        "Next:\n"
        "  git diff --staged\n"
        "  git commit -m 'Update the template from v1.0.0 to v2.0.0'\n"
    )
    assert tree(project) == tree(fresh(template, tmp_path / "fresh", "v2.0.0"))
    assert git("diff", "--name-only", cwd=project) == "", "all of it is staged"
    assert not (project / "old").exists(), "a folder with nothing in it goes"
    commit_all(project)
    again = scaffold("update", "p")
    assert again.stdout == "thing is at v2.0.0 already: nothing to do.\n"


def test_an_edit_follows_a_file_that_the_template_renamed(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t", {"a.txt": LINES}, {"b.txt": LINES.replace("line 15\n", "line fifteen\n")}
    )
    project = repository(template, tmp_path / "p")
    edit(project, {"a.txt": LINES.replace("line 3\n", "line three\n")})
    assert scaffold("update", "p").returncode == 0
    assert not (project / "a.txt").exists()
    assert "line three\n" in (project / "b.txt").read_text()
    assert "line fifteen\n" in (project / "b.txt").read_text()


def test_a_change_follows_a_file_that_somebody_renamed(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(
        tmp_path / "t", {"a.txt": LINES}, {"a.txt": LINES.replace("line 15\n", "line fifteen\n")}
    )
    project = repository(template, tmp_path / "p")
    git("mv", "a.txt", "mine.txt", cwd=project)
    commit_all(project)
    assert scaffold("update", "p").returncode == 0
    assert not (project / "a.txt").exists()
    assert "line fifteen\n" in (project / "mine.txt").read_text()


def test_a_conflict_in_a_file_that_both_renamed_is_one_like_any_other(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    """Git itself writes longer markers there."""
    theirs = LINES.replace("line 5\n", "line five\n")
    template = versions(tmp_path / "t", {"a.txt": LINES}, {"b.txt": theirs})
    project = repository(template, tmp_path / "p")
    git("mv", "a.txt", "mine.txt", cwd=project)
    edit(project, {"mine.txt": LINES.replace("line 5\n", "line V\n")})
    done = scaffold("update", "p")
    assert done.returncode == 1
    assert "CONFLICT  mine.txt (both renamed it, and changed the same of it)" in done.stdout
    assert (
        "<<<<<<< yours\nline V\n=======\nline five\n>>>>>>> scaffold v1.0.0 → v2.0.0\n"
        in (project / "mine.txt").read_text()
    )
    assert scaffold("update", "p", "--continue").returncode == 1


def test_a_file_of_your_own_stays_where_it_is_when_the_template_moves_its_folder(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t", {"a/x": LINES, "a/y": LINES * 2}, {"b/x": LINES, "b/y": LINES * 2}
    )
    project = repository(template, tmp_path / "p")
    edit(project, {"a/mine": "mine\n"})
    assert scaffold("update", "p").returncode == 0
    assert (project / "a/mine").read_text() == "mine\n"
    assert (project / "b/x").exists()


def test_a_file_of_your_own_where_the_template_adds_one_stays_yours(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(tmp_path / "t", {}, {"new": "theirs\n"}, {"new": "theirs, later\n"})
    project = repository(template, tmp_path / "p")
    edit(project, {"new": "ours\n"})
    done = scaffold("update", "p", "--to", "v2.0.0")
    assert done.returncode == 0
    assert "kept      new (the template adds one, and you have your own)" in done.stdout
    assert "keep:\n  - /new\n" in (project / ".scaffold.yml").read_text()
    commit_all(project)
    done = scaffold("update", "p")
    assert "kept      new (yours, as .scaffold.yml says)" in done.stdout
    assert (project / "new").read_text() == "ours\n"


def test_what_the_template_moves_to_a_place_that_is_taken_stays_where_it_was(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t", {"a": LINES, "b": LINES * 2}, {"new-a": LINES, "new-b": LINES * 2}
    )
    project = repository(template, tmp_path / "p")
    edit(project, {"a": LINES + "ours\n", "new-a": "own\n", "b": LINES, "new-b/own": "own\n"})
    done = scaffold("update", "p")
    assert done.returncode == 0, done.stdout
    assert "kept      new-a (the template moves a there, and you have your own)" in done.stdout
    assert (project / "a").read_text() == LINES + "ours\n"
    assert (project / "new-a").read_text() == "own\n"
    assert (project / "new-b/own").read_text() == "own\n"
    assert (project / "b").read_text() == LINES


def test_a_file_that_both_renamed_has_the_name_that_somebody_gave_it(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(tmp_path / "t", {"a.txt": LINES}, {"b.txt": LINES + "more\n"})
    project = repository(template, tmp_path / "p")
    git("mv", "a.txt", "mine.txt", cwd=project)
    commit_all(project)
    done = scaffold("update", "p")
    assert done.returncode == 0
    assert "kept      mine.txt (you renamed it, the template did to b.txt)" in done.stdout
    assert (project / "mine.txt").read_text() == LINES + "more\n"
    assert not (project / "b.txt").exists()


def test_an_edited_file_that_the_template_drops_stays_and_is_told(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(tmp_path / "t", {"a.txt": LINES, "b": "b"}, {"b": "b"})
    project = repository(template, tmp_path / "p")
    edit(project, {"a.txt": LINES + "ours\n"})
    done = scaffold("update", "p")
    assert done.returncode == 0
    assert "kept      a.txt (you changed it; the template has it no more)" in done.stdout
    assert (project / "a.txt").read_text() == LINES + "ours\n"


def test_a_file_with_other_line_ends_is_merged_and_keeps_them(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t", {"a.txt": LINES}, {"a.txt": LINES.replace("line 15\n", "line fifteen\n")}
    )
    project = repository(template, tmp_path / "p")
    edit(project, {"a.txt": LINES.replace("line 3\n", "line three\n").replace("\n", "\r\n")})
    assert scaffold("update", "p").returncode == 0
    expected = LINES.replace("line 3\n", "line three\n").replace("line 15\n", "line fifteen\n")
    assert (project / "a.txt").read_bytes().decode() == expected.replace("\n", "\r\n")


def test_keys_are_merged_where_lines_collide(scaffold: Scaffold, tmp_path: Path) -> None:
    def manifest(*dependencies: str) -> str:
        lines = ",\n".join(f'    "{name}": "1.0.0"' for name in dependencies)
        return f'{{\n  "name": "x",\n  "dependencies": {{\n{lines}\n  }}\n}}\n'

    template = versions(
        tmp_path / "t",
        {"package.json": manifest("fastify")},
        {"package.json": manifest("fastify", "zod")},
    )
    project = repository(template, tmp_path / "p")
    edit(project, {"package.json": manifest("fastify", "undici")})
    done = scaffold("update", "p")
    assert done.returncode == 0, done.stdout
    assert "merged    package.json" in done.stdout
    found = json.loads((project / "package.json").read_text())["dependencies"]
    assert found == {"fastify": "1.0.0", "undici": "1.0.0", "zod": "1.0.0"}


def test_a_true_disagreement_between_keys_stays_a_conflict(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(tmp_path / "t", {"a.json": '{"a": 1}\n'}, {"a.json": '{"a": 2}\n'})
    project = repository(template, tmp_path / "p")
    edit(project, {"a.json": '{"a": 3}\n'})
    done = scaffold("update", "p")
    assert done.returncode == 1
    assert "CONFLICT  a.json (both changed it)" in done.stdout


# Conflicts.


def conflict(tmp_path: Path) -> Path:
    """Make a project whose update has one conflict, and something else to do."""
    template = versions(
        tmp_path / "t", {"a.txt": "one\n", "b": "1\n"}, {"a.txt": "two\n", "b": "2\n", "c": "3\n"}
    )
    project = repository(template, tmp_path / "p")
    edit(project, {"a.txt": "ours\n"})
    return project


def test_a_conflict_is_one_that_git_knows_with_labels_that_say_whose_lines_they_are(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    project = conflict(tmp_path)
    done = scaffold("update", "p")
    assert done.returncode == 1
    assert "  CONFLICT  a.txt (both changed it)\n" in done.stdout
    assert "1 conflict to decide; the rest is staged." in done.stdout
    assert (project / "a.txt").read_text() == (
        "<<<<<<< yours\nours\n=======\ntwo\n>>>>>>> scaffold v1.0.0 → v2.0.0\n"
    )
    stages = git("ls-files", "--unmerged", "--format=%(stage)", cwd=project).split()
    assert stages == ["1", "2", "3"]
    for stage, text in zip(stages, ("one", "ours", "two"), strict=True):
        assert git("show", f":{stage}:a.txt", cwd=project) == text
    assert git("diff", "--staged", "--name-status", "--diff-filter=AM", cwd=project).split() == [
        "M", ".copier-answers.yml", "M", "b", "A", "c",
    ]  # fmt: skip


def test_an_update_with_conflicts_waits_and_says_what_comes_next(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    project = conflict(tmp_path)
    scaffold("update", "p")
    state = json.loads((project / ".git/scaffold/state.json").read_text())
    assert state["next"] == "scaffold update --continue"
    again = scaffold("update", "p")
    assert again.returncode == 1
    assert again.stderr == (
        "Error: An update waits for you: Update the template from v1.0.0 to v2.0.0 (1 conflict).\n"
        "  Resolve them, then `scaffold update --continue`; or go back with --abort.\n"
    )


def test_continue_refuses_while_a_marker_is_left_anywhere(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    project = conflict(tmp_path)
    scaffold("update", "p")
    refused = scaffold("update", "p", "--continue")
    assert refused.returncode == 1
    assert "Not decided yet: a.txt (it has conflict markers)." in refused.stderr
    # Moved to another file and added, a marker is still one.
    (project / "b").write_text((project / "a.txt").read_text())
    (project / "a.txt").write_text("ours and two\n")
    git("add", "--all", cwd=project)
    refused = scaffold("update", "p", "--continue")
    assert refused.returncode == 1
    assert "Not decided yet: b (it has conflict markers)." in refused.stderr
    (project / "b").write_text("2\n")
    done = scaffold("update", "p", "--continue")
    assert done.returncode == 0, done.stderr
    assert git("diff", "--staged", "--name-only", cwd=project).split() == [
        ".copier-answers.yml", "a.txt", "b", "c",
    ]  # fmt: skip
    commit_all(project)
    assert scaffold("update", "p").returncode == 0


def test_abort_puts_everything_back_at_any_time_before_the_commit(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    project = conflict(tmp_path)
    before = snapshot(project)
    for decided in (False, True):
        scaffold("update", "p")
        if decided:
            (project / "a.txt").write_text("decided\n")
            assert scaffold("update", "p", "--continue").returncode == 0
        done = scaffold("update", "p", "--abort")
        assert done.returncode == 0, done.stderr
        assert snapshot(project) == before
    assert (project / ".git/scaffold-aborted/a.txt").read_text() == "decided\n"


def test_without_markers_a_conflict_is_decided_with_git_add(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    """Either's line is fine, and both of them are no TOML."""
    text = "".join(f"key-{number} = {number}\n" for number in range(20))
    template = versions(tmp_path / "t", {"a.toml": text}, {"a.toml": text + "new = 1\n"})
    project = repository(template, tmp_path / "p")
    edit(project, {"a.toml": "new = 2\n" + text})
    before = snapshot(project)
    done = scaffold("update", "p")
    assert "CONFLICT  a.toml (merged by lines it would not be valid; " in done.stdout
    assert (project / "a.toml").read_text() == "new = 2\n" + text
    refused = scaffold("update", "p", "--continue")
    assert "Not decided yet: a.toml (git add it, or git rm it)." in refused.stderr
    git("add", "a.toml", cwd=project)
    assert scaffold("update", "p", "--continue").returncode == 0
    assert scaffold("update", "p", "--abort").returncode == 0
    assert snapshot(project) == before


def test_what_is_no_text_stays_as_it_was_made(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"logo": "\0one"}, {"logo": "\0two"})
    project = repository(template, tmp_path / "p")
    edit(project, {"logo": "\0ours"})
    done = scaffold("update", "p")
    assert done.returncode == 0
    assert "kept      logo (you changed it, and it is no text to be merged)" in done.stdout
    assert (project / "logo").read_text() == "\0ours"


# Who decides.


def test_a_deleted_file_never_returns_and_is_told_when_the_template_changes_it(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t", {"a": "1\n", "b": "1\n"}, {"b": "2\n"}, {"a": "3\n", "b": "3\n"}
    )
    project = repository(template, tmp_path / "p")
    git("rm", "--quiet", "a", "b", cwd=project)
    commit_all(project)
    done = scaffold("update", "p", "--to", "v2.0.0")
    assert "kept      b (you deleted it)" in done.stdout
    assert "deleted:\n  - a\n  - b\n" in (project / ".scaffold.yml").read_text()
    commit_all(project)
    # The template drops a, and brings it back: it is remembered all the same.
    done = scaffold("update", "p")
    assert done.returncode == 0
    assert "kept      a (you deleted it)" in done.stdout
    assert {"a", "b"}.isdisjoint(tree(project))


def test_a_seed_is_written_once(scaffold: Scaffold, tmp_path: Path) -> None:
    questions = QUESTIONS + "_skip_if_exists: ['/seeds/']\n"
    first = {"seeds/a": "1\n", "seeds/b": "1\n", "seeds/c": "1\n", "seeds/d": "1\n"}
    second = {"seeds/a": "2\n", "seeds/b": "2\n", "seeds/new": "2\n"}
    template = versions(tmp_path / "t", first, second, questions=questions)
    project = repository(template, tmp_path / "p")
    write(project, {"seeds/a": "ours\n", "seeds/c": "ours\n"})
    (project / "seeds/b").unlink()
    commit_all(project)
    done = scaffold("update", "p")
    assert done.returncode == 0
    assert "kept      seeds/a (a seed, yours since it was written)" in done.stdout
    # A new one is written; one that the template drops goes, unless somebody made it theirs.
    assert {path: content for path, (content, _) in tree(project).items() if "seeds" in path} == {
        "seeds/a": b"ours\n", "seeds/c": b"ours\n", "seeds/new": b"2\n",
    }  # fmt: skip


def test_what_keep_lists_is_left_alone(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(
        tmp_path / "t",
        {"a": "1\n", "docs/b": "1\n"},
        {"a": "2\n", "docs/b": "2\n", "docs/new": "2\n"},
    )
    project = repository(template, tmp_path / "p")
    edit(project, {".scaffold.yml": "keep: [/docs/, '*.yml']\n", "docs/b": "ours\n"})
    done = scaffold("update", "p")
    assert done.returncode == 0
    assert "kept      docs/b (yours, as .scaffold.yml says)" in done.stdout
    assert (project / "docs/b").read_text() == "ours\n"
    assert (project / "a").read_text() == "2\n"
    assert not (project / "docs/new").exists(), "a pattern holds for what is to come, too"
    assert "_commit: v2.0.0" in (project / ".copier-answers.yml").read_text(), "never kept"


def test_a_key_of_a_manifest_can_be_kept(scaffold: Scaffold, tmp_path: Path) -> None:
    def manifest(files: str, **dependencies: str) -> str:
        data = {"name": "x", "files": [files], "dependencies": dependencies}
        return json.dumps(data, indent=2) + "\n"

    template = versions(
        tmp_path / "t",
        {"package.json": manifest("a", fastify="1")},
        {"package.json": manifest("b", fastify="2", pino="1")},
    )
    project = repository(template, tmp_path / "p")
    keep = {".scaffold.yml": "keep: ['/package.json#dependencies']\n"}
    edit(project, {"package.json": manifest("a", express="4"), **keep})
    done = scaffold("update", "p")
    assert done.returncode == 0, done.stdout
    assert (project / "package.json").read_text() == manifest("b", express="4")
    git("reset", "--quiet", "--hard", cwd=project)
    # Nothing else of it has changed: it is told that something was left out.
    edit(project, {".scaffold.yml": "keep: ['package.json#dependencies', 'package.json#files']\n"})
    done = scaffold("update", "p")
    said = (
        "kept      package.json (what the template changed in it is yours, as .scaffold.yml says)"
    )
    assert said in done.stdout


def test_what_git_does_not_track_is_never_touched(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"a": "1\n"}, {"a": "2\n", "new": "theirs\n"})
    project = repository(template, tmp_path / "p")
    (project / "notes").write_text("not tracked\n")
    (project / "new").write_text("in the way\n")
    before = snapshot(project)
    done = scaffold("update", "p")
    assert done.returncode == 1
    assert "new is in the way: the update adds it, and git does not track yours." in done.stderr
    assert snapshot(project) == before
    (project / "new").unlink()
    assert scaffold("update", "p").returncode == 0
    assert (project / "notes").read_text() == "not tracked\n"


# Answers.


def test_an_answer_can_be_changed_and_changed_back(scaffold: Scaffold, tmp_path: Path) -> None:
    questions = "color: {choices: [red, blue], default: red}\n_subdirectory: files\n"
    files = {"{{ color }}.txt": LINES, "both.jinja": "It is {{ color }}.\n"}
    template = versions(tmp_path / "t", files, questions=questions)
    project = repository(template, tmp_path / "p")
    edit(project, {"red.txt": LINES + "ours\n"})
    done = scaffold("update", "p", "-d", "color=blue")
    assert done.returncode == 0, done.stderr
    assert ".copier-answers.yml: v1.0.0 → color=blue\n" in done.stdout
    assert "  git commit -m 'Set color=blue'\n" in done.stdout
    assert (project / "both").read_text() == "It is blue.\n"
    assert (project / "blue.txt").read_text() == LINES + "ours\n"
    assert "color: blue\n" in (project / ".copier-answers.yml").read_text()
    commit_all(project)
    assert scaffold("update", "p", "-d", "color=red").returncode == 0
    assert (project / "red.txt").read_text() == LINES + "ours\n"


def test_any_text_is_an_answer_and_does_no_harm_to_a_marker(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    questions = "owner: us\n_subdirectory: files\n"
    template = versions(tmp_path / "t", {"a.jinja": "{{ owner }}\n"}, questions=questions)
    project = repository(template, tmp_path / "p")
    edit(project, {"a": "ours\n"})
    odd = "\\1 on\ntwo lines " + "x" * 99
    assert scaffold("update", "p", "-d", f"owner={odd}").returncode == 1
    last = (project / "a").read_text().splitlines()[-1]
    assert last == ">>>>>>> scaffold v1.0.0 → owner=\\1 on\ufffdtwo lines " + "x" * 23 + "…"


def test_a_new_question_takes_its_default_and_an_old_answer_is_carried_to_its_new_name(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t",
        {"copier.yml": "host: fly\n_subdirectory: files\n"},
        {
            "copier.yml": "hosting: {default: \"{{ host | default('fly') }}\"}\nregion: iad\n"
            "_subdirectory: files\n",
            "a.jinja": "{{ hosting }} {{ region }}\n",
        },
    )
    project = repository(template, tmp_path / "p", host="render")
    assert scaffold("update", "p").returncode == 0
    assert (project / "a").read_text() == "render iad\n"


def test_in_a_terminal_only_new_questions_are_asked(terminal: Terminal, tmp_path: Path) -> None:
    template = versions(
        tmp_path / "t",
        {"copier.yml": "name: {default: x, help: Which name?}\n_subdirectory: files\n"},
        {
            "copier.yml": "name: {default: x, help: Which name?}\n"
            "region: {default: iad, help: Which region?}\n_subdirectory: files\n",
            "a.jinja": "{{ name }} {{ region }}\n",
        },
    )
    project = repository(template, tmp_path / "p", name="y")
    child = terminal("update", "p")
    child.expect(r"Which region\?")
    assert "Which name" not in str(child.before)
    child.sendline("-eu")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (project / "a").read_text() == "y iad-eu\n"


def test_an_answer_that_is_no_answer_any_more_is_refused_with_the_way_out(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    template = versions(
        tmp_path / "t",
        {"copier.yml": "ci: {choices: [travis, github]}\n_subdirectory: files\n"},
        {"copier.yml": "ci: {choices: [github], default: github}\n_subdirectory: files\n"},
    )
    project = repository(template, tmp_path / "p", ci="travis")
    before = snapshot(project)
    done = scaffold("update", "p")
    assert done.returncode == 2
    assert done.stderr == (
        "Error: .copier-answers.yml: 'travis' is no choice for 'ci'.\n"
        "  The choices are github. Change the answer with -d question=…\n"
    )
    assert snapshot(project) == before
    assert scaffold("update", "p", "-d", "ci=github").returncode == 0


# Where and which.


def test_it_goes_back_to_an_older_version_when_told_to(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"a": "1\n"}, {"a": "2\n", "b": "2\n"})
    project = repository(template, tmp_path / "p", "v2.0.0")
    assert scaffold("update", "p", "--to", "v1.0.0").returncode == 0
    assert tree(project) == tree(fresh(template, tmp_path / "fresh", "v1.0.0"))


def test_it_does_not_go_back_by_itself(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"a": "1\n"}, {"a": "2\n"})
    repository(template, tmp_path / "p", "v2.0.0")
    git("tag", "--delete", "v2.0.0", cwd=template)
    head = git("rev-parse", "--short", "HEAD", cwd=template)
    answers = tmp_path / "p/.copier-answers.yml"
    answers.write_text(answers.read_text().replace("v2.0.0", head))
    commit_all(tmp_path / "p")
    done = scaffold("update", "p")
    assert done.returncode == 2
    assert "which is newer than v1.0.0, the newest version here." in done.stderr


def test_it_finds_the_project_that_a_folder_is_in(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"src/a": "1\n"}, {"src/a": "2\n"})
    project = repository(template, tmp_path / "p")
    assert scaffold("update", cwd=project / "src").returncode == 0
    assert (project / "src/a").read_text() == "2\n"


def test_a_dry_run_changes_nothing_and_shows_each_diff(scaffold: Scaffold, tmp_path: Path) -> None:
    project = conflict(tmp_path)
    before = snapshot(project)
    inside = sorted(path.name for path in (project / ".git").iterdir())
    done = scaffold("update", "p", "--dry-run")
    assert done.returncode == 1, "as the update itself would"
    assert "diff --git a/b b/b\n" in done.stdout
    assert "-1\n+2\n" in done.stdout
    assert "+>>>>>>> scaffold v1.0.0 → v2.0.0\n" in done.stdout
    assert done.stdout.endswith("Nothing was changed: this was a dry run.\n")
    assert snapshot(project) == before
    assert sorted(path.name for path in (project / ".git").iterdir()) == inside


def test_json_says_all_of_it(scaffold: Scaffold, tmp_path: Path) -> None:
    project = conflict(tmp_path)
    done = scaffold("update", "p", "--dry-run", "--json")
    told = json.loads(done.stdout)
    (step,) = told["projects"]
    assert (step["from"], step["to"]) == ("v1.0.0", "v2.0.0")
    assert {change["path"]: change["what"] for change in step["changes"]} == {
        ".copier-answers.yml": "changed", "b": "changed", "c": "added",
    }  # fmt: skip
    assert step["changes"][1]["diff"].startswith("diff --git a/b b/b\n")
    assert step["conflicts"][0]["path"] == "a.txt"
    assert told["repository"] == str(project)
    told = json.loads(scaffold("update", "p", "--json").stdout)
    assert told["next"] == "scaffold update --continue"


def test_a_project_in_a_folder_of_a_repository(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"a": "1\n", "b": "b\n"}, {"a": "2\n", "c": "c\n"})
    repo = tmp_path / "mono"
    for name in ("one", "deep/two"):
        fresh(template, repo / name, "v1.0.0", project_name=Path(name).name)
    write(repo, {"a": "the repository's own\n"})
    git("init", "--quiet", cwd=repo)
    commit_all(repo)
    assert scaffold("update", "mono/one").returncode == 0
    assert git("diff", "--staged", "--name-status", "--no-renames", cwd=repo).split() == [
        "M", "one/.copier-answers.yml", "M", "one/a", "D", "one/b", "A", "one/c",
    ]  # fmt: skip
    scaffold("update", "mono", "--abort")
    nothing = scaffold("update", "mono")
    assert nothing.returncode == 2
    assert "There are projects below it: deep/two, one." in nothing.stderr
    done = scaffold("update", "mono", "--all")
    assert done.returncode == 0, done.stderr
    assert "two: v1.0.0 → v2.0.0" in done.stdout
    assert "one: v1.0.0 → v2.0.0" in done.stdout
    assert (repo / "a").read_text() == "the repository's own\n"
    for name in ("one", "deep/two"):
        new = fresh(template, tmp_path / "fresh" / name, "v2.0.0", project_name=Path(name).name)
        assert tree(repo / name) == tree(new)


def test_two_templates_in_one_folder(scaffold: Scaffold, tmp_path: Path) -> None:
    own = "_answers_file: .copier-answers.{}.yml\n_subdirectory: files\nx: y\n"
    project = tmp_path / "p"
    for name in ("app", "ci"):
        template = versions(
            tmp_path / name, {name: "1\n"}, {name: "2\n"}, questions=own.format(name)
        )
        fresh(template, project, "v1.0.0")
    git("init", "--quiet", cwd=project)
    commit_all(project)
    done = scaffold("update", "p")
    assert done.returncode == 2
    assert "Name one of them instead of the folder, or use --all." in done.stderr
    assert scaffold("update", "p/.copier-answers.ci.yml").returncode == 0
    assert {path: (project / path).read_text() for path in ("app", "ci")} == {
        "app": "1\n", "ci": "2\n",
    }  # fmt: skip
    scaffold("update", "p", "--abort")
    assert scaffold("update", "p", "--all").returncode == 0
    assert {path: (project / path).read_text() for path in ("app", "ci")} == {
        "app": "2\n", "ci": "2\n",
    }  # fmt: skip


def test_the_embedded_template_is_known_by_its_commits_wherever_a_project_was_made(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    """A colleague's machine has the template elsewhere; no network is needed to update."""
    project = repository(ROOT, tmp_path / "p", "HEAD")
    answers = project / ".copier-answers.yml"
    text = answers.read_text().replace(f"_src_path: {ROOT}", "_src_path: /home/ann/scaffold")
    assert "/home/ann/scaffold" in text
    answers.write_text(text)
    commit_all(project)
    done = scaffold("update", "p", "-d", "hosting=render")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Note: The template '/home/ann/scaffold' cannot be fetched: ")
    assert done.stderr.endswith(
        "  The template inside scaffold knows this version, and stands in.\n"
    )
    assert len(done.stderr.splitlines()) == 2
    assert (project / ".render/live.json").exists()
    assert "_src_path: /home/ann/scaffold\n" in answers.read_text()


def test_a_fork_is_where_updates_come_from_though_the_embedded_template_has_its_commits(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    fork = tmp_path / "fork"
    git("clone", "--quiet", "--shared", str(ROOT), str(fork), cwd=tmp_path)
    project = repository(fork, tmp_path / "p", "HEAD")
    write(fork / "template/project", {"OURS.md": "# Ours\n"})
    commit_all(fork)
    assert scaffold("status", "p").returncode == 1, "it is behind"
    done = scaffold("update", "p", "--no-lock")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  added     OURS.md\n" in done.stdout
    assert f"_src_path: {fork}\n" in (project / ".copier-answers.yml").read_text()


def test_a_template_that_has_moved_is_named(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"a": "1\n"}, {"a": "2\n"})
    project = repository(template, tmp_path / "p")
    template.rename(tmp_path / "elsewhere")
    done = scaffold("update", "p")
    assert done.returncode == 2
    assert done.stderr.endswith(
        "  If the template has moved, name its new place with --template.\n"
    )
    assert scaffold("update", "p", "--template", "elsewhere").returncode == 0
    assert f"_src_path: {tmp_path}/elsewhere\n" in (project / ".copier-answers.yml").read_text()


# What will not do: two lines, an exit code, and nothing changed.


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["nowhere"], 2, "There is no 'nowhere'."),
        (["plain"], 2, "is in no git repository with a work tree"),
        (["bare"], 2, "is in no git repository with a work tree"),
        (["empty"], 2, "has no commit yet."),
        (["other"], 2, "is in no project of scaffold's"),
        (["p", "--to", "v9"], 2, "The template has no version 'v9'."),
        (["p", "-d", "nothing=1"], 2, "'nothing' is no question of this template."),
        (["p", "-d", "nothing"], 2, "-d takes key=value, not 'nothing'."),
        (["p", "--template", "nowhere"], 2, "cannot be fetched"),
        (["p", "--continue"], 2, "No update waits to be continued or aborted."),
        (["p", "--abort"], 2, "No update waits to be continued or aborted."),
        (["p", "--continue", "--abort"], 2, "--continue and --abort exclude each other."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input(
    scaffold: Scaffold, tmp_path: Path, args: list[str], code: int, said: str
) -> None:
    template = versions(tmp_path / "t", {"a": "1\n"}, {"a": "2\n"})
    project = repository(template, tmp_path / "p")
    for name in ("plain", "empty", "other", "bare"):
        (tmp_path / name).mkdir()
    git("init", "--quiet", cwd=tmp_path / "empty")
    git("init", "--quiet", "--bare", cwd=tmp_path / "bare")
    git("init", "--quiet", cwd=tmp_path / "other")
    commit_all(tmp_path / "other")
    before = snapshot(project)
    done = scaffold("update", *args)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 2
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (".copier-answers.yml", "a: [", "is no valid YAML (line 1)"),
        (".copier-answers.yml", "- a\n", "does not say which template"),
        (".copier-answers.yml", "_src_path: x\n", "does not say which version"),
        (".scaffold.yml", "keep: x\n", "keep is no list of paths"),
        (".scaffold.yml", "kept: [x]\n", "there is no setting 'kept'"),
        (".scaffold.yml", "{", ".scaffold.yml cannot be read"),
    ],
)
def test_a_broken_settings_file(
    scaffold: Scaffold, tmp_path: Path, path: str, text: str, said: str
) -> None:
    template = versions(tmp_path / "t", {"a": "1\n"}, {"a": "2\n"})
    project = repository(template, tmp_path / "p")
    edit(project, {path: text})
    before = snapshot(project)
    done = scaffold("update", "p")
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert snapshot(project) == before


def test_changes_that_are_not_committed_come_first(scaffold: Scaffold, tmp_path: Path) -> None:
    template = versions(tmp_path / "t", {"a": "1\n", "b": "1\n"}, {"a": "2\n"})
    project = repository(template, tmp_path / "p")
    (project / "b").write_text("ours\n")
    before = snapshot(project)
    done = scaffold("update", "p")
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: '{project}' has changes that are not committed: b.\n"
        "  Commit them, or put them aside with `git stash` and bring them back afterwards.\n"
    )
    assert snapshot(project) == before
