"""Variables of somebody's own, and an update that brings an option's beside them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from by_copier import updated_by_copier
from conftest import TEMPLATE, copy_template, template_with_cache
from project import commit_all, copied, git, repository, updated

APIS = [o.id for o in TEMPLATE.catalog.axis("stack") if "image" in o.row["traits"]]
DOCUMENTED = """
# Who pays.
# Type: string
# Default: nobody
# Set in: live
ZZ_PAYER=nobody
"""
TYPESCRIPT = """\
import { z } from "zod";

export const variables = { ZZ_PAYER: z.string().default("nobody") };
"""
PYTHON = """\
from pydantic_settings import BaseSettings


class Variables(BaseSettings):
    ZZ_PAYER: str = "nobody"
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as v1.0.0, and with the cache of docs/how-to/add-an-option.md as v2.0.0."""
    folder = copy_template(tmp_path_factory.mktemp("template"))
    git("init", "--quiet", cwd=folder)
    commit_all(folder)
    git("tag", "v1.0.0", cwd=folder)
    other = template_with_cache(tmp_path_factory.mktemp("other"))
    subprocess.run(["cp", "-r", f"{other}/.", str(folder)], check=True)
    commit_all(folder)
    git("tag", "v2.0.0", cwd=folder)
    return folder


@pytest.mark.slow  # Copier takes seconds
@pytest.mark.parametrize("stack", APIS)
def test_they_meet_no_update(stack: str, source: Path, tmp_path: Path) -> None:
    project = repository(source, tmp_path / "ours", ref="v1.0.0", stack=stack)
    python = stack == "python"
    seed, kept = ("app/variables.py", "app/config.py") if python else (
        "src/variables.ts", "src/config.ts"
    )  # fmt: skip
    own = {
        seed: PYTHON if python else TYPESCRIPT,
        ".env.example": (project / ".env.example").read_text() + DOCUMENTED,
        ".env.live.example": (project / ".env.live.example").read_text() + "ZZ_PAYER=acme\n",
    }
    for path, text in own.items():
        (project / path).write_text(text)
    commit_all(project)
    theirs = copied(project, tmp_path / "theirs")
    assert updated(project, data=["cache=memcached"]) == 0, "no conflict"
    by_copier = updated_by_copier(theirs, "v2.0.0", cache="memcached")
    for path in (*own, kept):
        text = (project / path).read_text()
        assert by_copier[path][1].decode() == text
        assert ("CACHE_URL" in text) == (path != seed)
        assert ("ZZ_PAYER" in text) == (path != kept)
    assert (project / seed).read_text() == own[seed]
    assert re.search("CACHE_URL.*\n(.*\n)*.*ZZ_PAYER", (project / ".env.example").read_text())
