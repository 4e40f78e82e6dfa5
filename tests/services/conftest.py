"""One project for each stack, made once for all test processes, and services of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from conftest import by_night
from store import Store

from .extras import EXTRAS
from .service import STACKS, Project, Service, extend, start

Projects = Callable[[str], Project]
Start = Callable[..., Service]


@pytest.fixture(scope="session")
def projects(store: Store) -> Projects:
    """Give a function that gives the project of a stack, made by whoever asks first."""
    return lambda stack: Project(stack, store.project(stack))


# The service of the full stack is Node's (test_parity.py holds that it is).
@pytest.fixture(scope="session", params=by_night(STACKS, ["fullstack"]))
def project(request: pytest.FixtureRequest, projects: Projects) -> Project:
    """A project as it is generated."""
    return projects(request.param)


@pytest.fixture(scope="session")
def extended(project: Project, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose owner added what `extras` has."""
    folder = tmp_path_factory.mktemp("extended") / project.stack
    return extend(project, folder, EXTRAS[project.stack], store)


@pytest.fixture(scope="session")
def service(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service at its defaults, but for the rate limit: as a developer's machine runs it."""
    out = tmp_path_factory.mktemp("service") / "out"
    with start(project, out, RATE_LIMIT_PER_MINUTE="0") as running:
        yield running


@pytest.fixture
def run(project: Project, tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a service of its own, with these variables."""
    yield from _starter(project, tmp_path)


@pytest.fixture
def run_extended(extended: Project, tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a service with the extras, and with these variables."""
    yield from _starter(extended, tmp_path)


def _starter(project: Project, folder: Path) -> Iterator[Start]:
    numbers = count()
    with ExitStack() as stack:
        yield lambda **env: stack.enter_context(
            start(project, folder / f"out-{next(numbers)}", **env)
        )
