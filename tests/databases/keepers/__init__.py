"""Vendors of databases in memory, one a module: stateful, and held to what they publish."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

from keepers.base import Keeping


def _found() -> Iterator[type[Keeping]]:
    for file in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{file.name}")
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and issubclass(kind, Keeping):
                yield from () if inspect.isabstract(kind) else (kind,)


#: All that are in a module here.
VENDORS = tuple(sorted(_found(), key=lambda it: it.title))
