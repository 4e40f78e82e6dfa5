"""Migrations in Python."""

from __future__ import annotations

import re

SUFFIX = ".py"
COMMENT = "#"
#: The head of a function, with its arguments.
FUNCTION = re.compile(r"^def (up|down)\([^)]*\)", re.MULTILINE)
#: Comments.
QUIET = re.compile(r"(?m)#[^\n]*$")
SKELETON = """\
# {name}
#
# Expand, then contract: the release before this one goes on with what this makes of the data, while
# a deploy lasts and after a rollback. Add first. Take away in a later release, when nothing reads
# it any more, with a line that says why that is no loss:  # destroys: WHY
from typing import Any

from pymongo.database import Database


def up(db: Database[dict[str, Any]]) -> None:
    pass


def down(db: Database[dict[str, Any]]) -> None:
    pass
"""
