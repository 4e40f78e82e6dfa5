from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.config import Config
from app.connections import Connections
from app.docs import docs_routes
from app.errors import install_error_handlers
from app.flags import Flags
from app.health import Health, health_routes
from app.logs import configure_logging
from app.middleware import Middleware
from app.mounts import DEPENDENCIES, MOUNTS
from app.observers import observers
from app.resources.index import RESOURCES
from app.service import DESCRIPTION, NAME, VERSION
from app.telemetry import Telemetry


def create_app(config: Config) -> FastAPI:
    observers.clear()
    configure_logging(config)
    public_docs = config.APP_ENV != "live"
    flags = Flags(config)
    health = Health()
    telemetry = Telemetry(config, health)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with telemetry.running(), flags.followed(app):
            yield

    app = FastAPI(
        title=NAME,
        description=DESCRIPTION,
        version=VERSION,
        openapi_url="/openapi.json" if public_docs else None,
        # FastAPI's own pages run scripts of a third party.
        docs_url=None,
        redoc_url=None,
        # Its own takes several times what ours does, in app/telemetry.py.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
    )
    app.state.config = config
    app.state.flags = flags
    app.state.connections = Connections(config.MAX_CONNECTIONS)
    app.state.health = health
    app.state.telemetry = telemetry
    install_error_handlers(app)
    app.add_middleware(Middleware, config, health, app.state.connections, telemetry)

    for name, attach in DEPENDENCIES.items():
        health.checks[name] = attach(app, config)
    for resource in RESOURCES:
        resource(app, config)
    # Rather than by include_router(), which goes through its routes twice at every request.
    app.routes.extend(health_routes(config, health).routes)
    if public_docs:
        app.routes.extend(docs_routes(app).routes)
    for mount in MOUNTS:
        mount(app)
    return app
