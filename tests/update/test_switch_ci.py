"""A project moves from one provider of pipelines to another, and keeps what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from conftest import TEMPLATE, copy_template
from history import PRESENT, Source
from project import commit_all, differing, files, git, write

from scaffold.template.source import Shelf

PROVIDERS = [option.id for option in TEMPLATE.catalog.axis("ci")]
#: What each provider leaves in a project, and nobody else.
PIPELINE = {
    "github": ".github/workflows/ci.yml",
    "gitlab": ".gitlab-ci.yml",
    "bitbucket": "bitbucket-pipelines.yml",
}

pytestmark = pytest.mark.slow  # there are many pairs


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The template as it is now, as a repository with one version."""
    folder = tmp_path_factory.mktemp("source")
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    copy_template(folder)
    commit_all(folder)
    git("tag", PRESENT, cwd=folder)
    with Shelf() as shelf:
        yield Source(folder, shelf)


def answers(ci: str) -> dict[str, str]:
    """Give a service on a host that a provider goes with."""
    return {"stack": "node", "ci": ci, "hosting": ci if ci in ("render", "vercel") else "fly"}


@pytest.mark.parametrize(("old", "new"), list(permutations(PROVIDERS, 2)))
def test_a_switch_is_a_fresh_render_and_the_edits(
    old: str, new: str, source: Source, tmp_path: Path
) -> None:
    before, after = answers(old), answers(new)
    project = source.project(tmp_path / "project", PRESENT, **before)
    wanted = source.rendered(PRESENT, **after)
    edit = b"\nAn end of our own.\n"
    written = files(project)
    # What both have, and a person edits: the README, and a source file.
    edited = ["README.md", *sorted(p for p in written if p.startswith("src/") and p in wanted)[:1]]
    for path in edited:
        (project / path).write_bytes(written[path][1] + edit)
        wanted[path] = (wanted[path][0], wanted[path][1] + edit)
    write(project, {"src/mine.txt": "mine\n"})
    wanted["src/mine.txt"] = (0o100644, b"mine\n")
    commit_all(project)
    data = [f"{key}={value}" for key, value in after.items() if before[key] != value]
    assert source.updated(project, data=data) == 0
    found = files(project)
    assert differing(found, wanted) == set()
    assert [ci for ci, path in PIPELINE.items() if path in found] == [
        ci for ci in PIPELINE if ci == new
    ]


def test_an_edited_pipeline_stays_and_is_reported(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = source.project(tmp_path / "project", PRESENT, **answers("gitlab"))
    with (project / ".gitlab-ci.yml").open("a") as pipeline:
        pipeline.write("# ours\n")
    commit_all(project)
    code = source.updated(project, data=["ci=github"])
    said = "".join(capsys.readouterr())
    assert (project / ".gitlab-ci.yml").read_text().endswith("# ours\n")
    assert ".gitlab-ci.yml" in said, (code, said)


@pytest.mark.parametrize("ci", ["render", "vercel"])
def test_a_provider_that_wants_other_hosting_says_so(
    ci: str, source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = source.project(tmp_path / "project", PRESENT, **answers("github"))
    assert source.updated(project, data=[f"ci={ci}"]) == 2
    said = capsys.readouterr().err
    assert f"hosting={ci}" in said, said
    assert len(said.strip().splitlines()) == 2, said
    assert git("status", "--porcelain", cwd=project) == ""
