import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from app.config import Config
from app.errors import Problem, problems
from app.logs import log
from app.service import NAME, VERSION

# Below the usual probe timeout, so that the failing check gets named.
CHECK_TIMEOUT_SECONDS = 2.0

#: Raises when the service cannot take requests.
type ReadinessCheck = Callable[[], Awaitable[object] | object]


@dataclass
class Health:
    #: Whether the service is shutting down.
    stopping: bool = False
    #: When it has to have ended then, by the clock of time.monotonic().
    stop_by: float = math.inf
    #: What /readyz runs, by name: add one for each external dependency.
    checks: dict[str, ReadinessCheck] = field(default_factory=dict)


def health_routes(config: Config, health: Health) -> APIRouter:
    router = APIRouter(tags=["health"], responses=problems())
    about = {"version": VERSION, "commit": config.GIT_COMMIT}

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", **about}

    @router.get("/version")
    async def version() -> dict[str, str]:
        return {"name": NAME, **about, "environment": config.APP_ENV}

    @router.get("/readyz", response_model=dict[str, str], responses=problems(503))
    async def readyz() -> Any:
        if health.stopping:
            return Problem(503, "Shutting down")
        results = await asyncio.gather(*(_run(*item) for item in health.checks.items()))
        failing = [name for name in results if name]
        return Problem(503, "Not ready", failing=failing) if failing else {"status": "ready"}

    return router


async def _run(name: str, check: ReadinessCheck) -> str | None:
    """Give the name of a check that fails."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            result = check()
            if inspect.isawaitable(result):
                await result
    except Exception as error:  # noqa: BLE001
        log.warning("not ready", check=name, exc_info=error)
        return name
    return None
