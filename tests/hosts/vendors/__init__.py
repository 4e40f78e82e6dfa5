"""Hosting vendors on loopback, one a module: stateful, and able to fail."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

from conftest import TEMPLATE

from vendors.base import Vendor


def _found() -> Iterator[type[Vendor]]:
    for file in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{file.name}")
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and issubclass(kind, Vendor):
                yield from () if inspect.isabstract(kind) else (kind,)


_HOSTS = [option.id for option in TEMPLATE.catalog.axis("hosting")]
#: All that are in a module here, each with a stack that it runs, in the order of the catalogue.
VENDORS = tuple(sorted(_found(), key=lambda it: (_HOSTS.index(it.hosting), it.stack)))
