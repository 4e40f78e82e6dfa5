"""Copier in this process compiles a text once; it would in each copy, and in an update three times.

What comes of a text depends on whose environment it is, with which extensions, and on how it is
read: of each there is one lexer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from jinja2 import Environment
from jinja2.sandbox import SandboxedEnvironment

_COMPILED: dict[tuple[object, ...], Any] = {}


def _compiled(self: SandboxedEnvironment, source: str, *args: Any, **options: Any) -> Any:
    key = (type(self), *self.extensions, self.lexer, source, *args[:1], *sorted(options.items()))
    if key not in _COMPILED:
        _COMPILED[key] = Environment.compile(self, source, *args, **options)
    return _COMPILED[key]


@contextmanager
def compiled_once() -> Iterator[None]:
    """Have it so until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandboxedEnvironment, "compile", _compiled)
        yield
