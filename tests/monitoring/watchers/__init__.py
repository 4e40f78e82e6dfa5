"""Vendors that watch over a service, in memory: one module each, named after its option."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from watchers.base import Watcher


def _found() -> Iterator[type[Watcher]]:
    for each in pkgutil.iter_modules(__path__):
        module = import_module(f"watchers.{each.name}")
        for kind in vars(module).values():
            own = isinstance(kind, type) and kind.__module__ == module.__name__
            if own and issubclass(kind, Watcher) and hasattr(kind, "option"):
                yield kind


#: All of them.
VENDORS = list(_found())
