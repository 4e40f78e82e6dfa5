"""Services of one project that keep their data in a database, for as long as a test."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path

import httpx
from servers import Server
from services.service import Project, Service, problem, start

AWAY = "The database does not answer"
NUMBERS = count()


class Running:
    """A database for one test, and what starts services that keep their data in it."""

    def __init__(self, project: Project, server: Server, folder: Path, stack: ExitStack) -> None:
        self.project, self.server, self.folder, self.stack = project, server, folder, stack
        self.name = f"notes_{next(NUMBERS)}"
        self.url = f"{server.url.rpartition('/')[0]}/{self.name}"
        server.make(self.name, project.folder)

    def service(self, **env: str) -> Service:
        """Start a service, as on a developer's machine."""
        told = {"APP_ENV": "local", "DATABASE_URL": self.url, "RATE_LIMIT_PER_MINUTE": "0", **env}
        out = self.folder / f"out-{next(NUMBERS)}"
        return self.stack.enter_context(start(self.project, out, **told))

    def connections(self, *, busy: bool = False) -> int:
        """Count those of services."""
        return self.server.connections(self.name, busy=busy)

    def titles(self) -> set[str]:
        """Give those of the notes that are stored."""
        return self.server.titles(self.name)

    def locked(self) -> AbstractContextManager[None]:
        """Have every statement about notes wait."""
        return self.server.locked(self.name)


def ready(service: Service) -> bool:
    return bool(service.client.get("/readyz").status_code == 200)


def away(response: httpx.Response) -> bool:
    """Say whether a request was refused for the time being, and only that."""
    if response.status_code != 503:
        return False
    assert problem(response)["detail"] == AWAY
    assert response.headers["retry-after"] == "1"
    return True
