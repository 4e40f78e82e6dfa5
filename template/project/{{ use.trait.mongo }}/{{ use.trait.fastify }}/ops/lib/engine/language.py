"""Migrations in TypeScript, which Node runs as they are."""

from __future__ import annotations

import re

SUFFIX = ".ts"
COMMENT = "//"
#: The head of a function, with its arguments.
FUNCTION = re.compile(r"^export (?:async )?(?:function |const )(up|down)\b[^)]*\)", re.MULTILINE)
#: Comments.
QUIET = re.compile(r"/\*.*?\*/|(?<![:\w])//[^\n]*", re.DOTALL)
SKELETON = """\
// {name}
//
// Expand, then contract: the release before this one goes on with what this makes of the data, while a deploy lasts and
// after a rollback. Add first. Take away in a later release, when nothing reads it any more, with a line that says why
// that is no loss:  // destroys: WHY
import type {{ Db }} from "mongodb";

export async function up(db: Db): Promise<void> {{}}

export async function down(db: Db): Promise<void> {{}}
"""
