"""A project moves from one provider of pipelines to another, and keeps what is its own."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from conftest import TEMPLATE, copy_template
from project import commit_all, fresh, git, repository, updated, write

PROVIDERS = [option.id for option in TEMPLATE.catalog.axis("ci")]
#: What each provider leaves in a project, and nobody else.
PIPELINE = {
    "github": ".github/workflows/ci.yml",
    "gitlab": ".gitlab-ci.yml",
    "bitbucket": "bitbucket-pipelines.yml",
}

pytestmark = pytest.mark.slow  # there are many pairs


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it is now, as a repository with one version."""
    folder = tmp_path_factory.mktemp("source")
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    copy_template(folder)
    commit_all(folder)
    git("tag", "v1.0.0", cwd=folder)
    return folder


def answers(ci: str) -> dict[str, str]:
    """Give a service on a host that a provider goes with."""
    return {"stack": "node", "ci": ci, "hosting": ci if ci in ("render", "vercel") else "fly"}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize(("old", "new"), list(permutations(PROVIDERS, 2)))
def test_a_switch_is_a_fresh_render_and_the_edits(
    old: str, new: str, source: Path, tmp_path: Path
) -> None:
    before, after = answers(old), answers(new)
    project = repository(source, tmp_path / "project", **before)
    wanted = contents(fresh(source, tmp_path / "fresh", "v1.0.0", **after))
    edit = b"\nAn end of our own.\n"
    written = contents(project)
    # What both have, and a person edits: the README, and a source file.
    edited = ["README.md", *sorted(p for p in written if p.startswith("src/") and p in wanted)[:1]]
    for path in edited:
        (project / path).write_bytes(written[path] + edit)
        wanted[path] += edit
    write(project, {"src/mine.txt": "mine\n"})
    wanted["src/mine.txt"] = b"mine\n"
    commit_all(project)
    data = [f"{key}={value}" for key, value in after.items() if before[key] != value]
    assert updated(project, data=data) == 0
    found = contents(project)
    assert {p for p in {*found, *wanted} if found.get(p) != wanted.get(p)} == set()
    assert [ci for ci, path in PIPELINE.items() if path in found] == [
        ci for ci in PIPELINE if ci == new
    ]
    assert found["src/mine.txt"] == b"mine\n"


def test_an_edited_pipeline_stays_and_is_reported(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = repository(source, tmp_path / "project", **answers("gitlab"))
    with (project / ".gitlab-ci.yml").open("a") as pipeline:
        pipeline.write("# ours\n")
    commit_all(project)
    code = updated(project, data=["ci=github"])
    said = "".join(capsys.readouterr())
    assert (project / ".gitlab-ci.yml").read_text().endswith("# ours\n")
    assert ".gitlab-ci.yml" in said, (code, said)


@pytest.mark.parametrize("ci", ["render", "vercel"])
def test_a_provider_that_wants_other_hosting_says_so(
    ci: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = repository(source, tmp_path / "project", **answers("github"))
    assert updated(project, data=[f"ci={ci}"]) == 2
    said = capsys.readouterr().err
    assert f"hosting={ci}" in said, said
    assert len(said.strip().splitlines()) == 2, said
    assert git("status", "--porcelain", cwd=project) == ""
