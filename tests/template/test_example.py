"""The example can go: what updates keep leans on nothing that is written once."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from conftest import ENGINE, ROOT, TEMPLATE, pairwise, rendered, with_something_new
from pathspec import PathSpec

from scaffold.template.answers import resolve
from scaffold.template.renderer import seeds

ROWS = [pytest.param(row, id="-".join(row.values())) for row in with_something_new(pairwise())]

#: What has to be there under its name, whatever is in it.
FIXED = {"404.html", "CHANGELOG.md", "flags.json", "index.html", "ops/notify"}
#: The lists of resources and of variables, which may be empty, and who reads them.
LISTS = {
    "src/resources/index.ts": "src/app.ts",
    "app/resources/index.py": "app/main.py",
    "src/variables.ts": "src/config.ts",
    "app/variables.py": "app/config.py",
    # Without it rows are not looked at, which is said.
    "db/rows.sql": f"{ENGINE}/catalogue.py",
    "db/rows.json": f"{ENGINE}/catalogue.py",
    # Without it nobody is on call, which is said.
    "monitoring/escalation.json": f"{ENGINE}/incidents.py",
}
#: Where `notes` is another word than the name of the example.
OTHER_NOTES = re.compile(r"release notes|--notes|\bnotes(:|\.md)|, and notes how", re.IGNORECASE)


@pytest.mark.parametrize("row", ROWS)
def test_what_is_kept_leans_on_no_seed(row: dict[str, str]) -> None:
    once = PathSpec.from_lines("gitignore", seeds(TEMPLATE, resolve(TEMPLATE, row)))
    files = {str(file.path): file.content.decode() for file in rendered(*row.items())}
    own = {path for path in files if once.match_file(path)}
    assert own > FIXED & files.keys()
    for path in files.keys() - own - {"README.md"}:  # which says how to replace the example
        text = files[path]
        assert "notes" not in OTHER_NOTES.sub("", text).lower(), path
        for seed in own - FIXED:
            if LISTS.get(seed) != path:
                assert not re.search(_mention(PurePosixPath(seed)), text), f"{path} names {seed}"


def _mention(seed: PurePosixPath) -> str:
    """Give what finds a file by its folder and its name, as a path or as a module."""
    return rf"\b{re.escape(seed.parent.name)}[/.]{re.escape(seed.stem)}\b"


def test_the_tutorial_replaces_the_example_as_the_readme_does() -> None:
    """Which is run for each stack in tests/e2e, the tutorial in tests/docs."""
    files = {str(file.path): file.content.decode() for file in rendered(("stack", "node"))}
    section = files["README.md"].split("## What is yours\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n.*?^```$", section, re.DOTALL | re.MULTILINE)
    tutorial = (ROOT / "docs/tutorial/first-service.md").read_text("utf-8")
    assert blocks
    assert all(block in tutorial for block in blocks)
