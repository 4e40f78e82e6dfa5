"""`scaffold options`: what can be chosen, and why one would."""

from __future__ import annotations

import json
import shutil
import textwrap
from contextlib import ExitStack
from typing import TYPE_CHECKING

from scaffold import console
from scaffold.template.source import opened

if TYPE_CHECKING:
    from scaffold.template.catalog import Option


def options(axis: str | None, *, template: str | None, ref: str | None, as_json: bool) -> None:
    """List the axes and their options.

    Raises:
        UsageError: When there is no such axis.
    """
    with ExitStack() as stack:
        with console.fetching(template):
            source = stack.enter_context(opened(template, ref))
        catalog = source.catalog
        axes = {axis: catalog.axis(axis)} if axis else catalog.axes
        helps = {name: source.questions[name].get("help", "") for name in axes}
    if as_json:
        console.say(
            json.dumps(
                {
                    "axes": [
                        {"id": name, "help": helps[name], "options": [dict(o.row) for o in rows]}
                        for name, rows in axes.items()
                    ]
                },
                indent=2,
            )
        )
        return
    columns = shutil.get_terminal_size().columns
    width = max((len(o.id) for rows in axes.values() for o in rows), default=0)
    for index, (name, rows) in enumerate(axes.items()):
        console.say(f"{'' if index == 0 else chr(10)}{name}: {helps[name]}")
        for option in rows:
            console.say(_line(option, width, columns))


def _line(option: Option, width: int, columns: int) -> str:
    text = f"{option.label}: {option.why}"
    for axis, ids in option.needs.items():
        text += f" ({axis}: {', '.join(ids)})"
    return textwrap.fill(
        text,
        max(columns, 40),
        initial_indent=f"  {option.id:<{width}}  ",
        subsequent_indent=" " * (width + 4),
    )
