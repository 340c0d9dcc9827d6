"""The app: every slice's routes around one set of services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI

from penstock_runtime.server import openapi
from penstock_runtime.server.api_keys.routes import routes as api_keys
from penstock_runtime.server.audit_events.routes import routes as audit_events
from penstock_runtime.server.backfills.routes import routes as backfills
from penstock_runtime.server.cluster.routes import routes as cluster
from penstock_runtime.server.events.routes import routes as events
from penstock_runtime.server.health.metrics import Metrics
from penstock_runtime.server.health.routes import routes as health
from penstock_runtime.server.incoming_events.routes import routes as incoming_events
from penstock_runtime.server.logs.routes import routes as logs
from penstock_runtime.server.middleware import Surroundings
from penstock_runtime.server.notifications.routes import routes as notifications
from penstock_runtime.server.outputs.routes import routes as outputs
from penstock_runtime.server.pipelines.routes import routes as pipelines
from penstock_runtime.server.problems import add_problem_handlers
from penstock_runtime.server.routing import Routes
from penstock_runtime.server.runs.routes import routes as runs
from penstock_runtime.server.services import ServerSettings, Services
from penstock_runtime.server.session.routes import link_routes
from penstock_runtime.server.session.routes import routes as session
from penstock_runtime.server.setup.routes import routes as setup
from penstock_runtime.server.stored_secrets.routes import routes as stored_secrets
from penstock_runtime.server.triggers.firing import routes as trigger_firing
from penstock_runtime.server.triggers.mage import routes as mage_triggers
from penstock_runtime.server.triggers.routes import routes as triggers
from penstock_runtime.server.users.routes import routes as users
from penstock_runtime.server.web_ui import WebUi

# Runs first: what is asked for most is matched first.
SLICES: tuple[Routes, ...] = (
    runs,
    logs,
    outputs,
    pipelines,
    triggers,
    backfills,
    trigger_firing,
    mage_triggers,
    incoming_events,
    session,
    setup,
    users,
    api_keys,
    audit_events,
    stored_secrets,
    cluster,
    notifications,
    events,
    health,
    link_routes,
    openapi.routes,
)


def create_app(services: Services) -> FastAPI:
    """Return the app. Starting it (its lifespan) begins to hand out wake-ups; stopping it ends every stream."""
    app = bare_app(services.settings)
    app.state.services = services
    # The default, not a mount: a mount at / would swallow the 405 of a route that has other methods.
    app.router.default = WebUi(services.settings.static_dir)
    app.router.redirect_slashes = False
    return app


def bare_app(settings: ServerSettings) -> FastAPI:
    """Return the app without services: enough for its description."""
    app = FastAPI(
        title="Penstock",
        version=settings.version,
        description="Pipelines, their runs, and who may do what.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    metrics = Metrics()
    app.state.metrics = metrics
    app.add_middleware(Surroundings, settings=settings, metrics=metrics)
    add_problem_handlers(app)
    for slice_ in SLICES:
        slice_.add_to(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    # As many handlers at once as there are connections: more would only wait for one, holding a thread.
    anyio.to_thread.current_default_thread_limiter().total_tokens = services.settings.thread_count
    services.hub.start(services.runs.wakeups)
    try:
        yield
    finally:
        services.hub.close()
