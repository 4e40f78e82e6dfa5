"""docs/how-to/get-paged-for-the-right-thing.md, followed before anybody has a token."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from conftest import ROOT, answering
from memory import Remembered
from vendors.render import Render

PAGE = ROOT / "docs/how-to/get-paged-for-the-right-thing.md"


def test_what_the_page_says_can_be_done(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    vendor = Render()
    at = Remembered.inside(vendor, tmp_path)
    with vendor.serving(), answering(lambda _: (404, b"")):
        at.environment |= {
            "RENDER_API_URL": f"{vendor.url}/v1",
            "IMAGE_REPOSITORY": "ghcr.io/team/service",
        }
        at.commit("v1.0.0")
        ran = []
        for line in lines:
            command = shlex.split(line.partition("&& ")[2] or line, comments=True)
            command = command[: command.index(">.cache/rules.yml")] if ">" in line else command
            if command[0].startswith("ops/"):
                done = at.run(*command)
                assert done.returncode == 0, (line, done.stderr)
                ran.append(" ".join(command[:2]))
    assert ran == [
        "ops/bootstrap live", "ops/bootstrap live", "ops/alerts live",
        "ops/notify live", "ops/notify live", "ops/alerts local",
    ]  # fmt: skip
    files = re.findall(r"-f (\S+)", lines[-1])
    assert all((at.project / file).is_file() for file in files)
