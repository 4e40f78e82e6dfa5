"""The engine of a project, imported: for tests of its modules in this process."""

from __future__ import annotations

import importlib
import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

from conftest import ENGINE

if TYPE_CHECKING:
    from pathlib import Path


def module(project: Path, name: str) -> Any:
    """Import a module of a project's engine, each project's apart."""
    package = f"engine_of_{abs(hash(project))}"
    if package not in sys.modules:
        folder = project / ENGINE
        spec = spec_from_file_location(
            package, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec
        assert spec.loader
        sys.modules[package] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return importlib.import_module(f"{package}.{name}")
