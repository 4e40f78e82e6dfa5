from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI


def around(app: FastAPI, context: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    """Enter a context before the first request and leave it after the last.

    Handlers of startup and shutdown would do, but are not called of an app with a lifespan.
    """
    within = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with context(), within(app) as state:
            yield state

    app.router.lifespan_context = lifespan
