"""Routes that cannot exist without an authorisation rule.

`Routes.get(path, access=…)` and its siblings are the only way this server makes an HTTP route. The rule is checked
before the body is read: the guard sits in the route's own handler, outside FastAPI's.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.authentication import Credentials, Identity, NotAllowed, NotSignedIn
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.runs.trigger_runs import TOKEN_PREFIX, UnknownToken, trigger_of_token
from penstock_runtime.server.services import Services

API = "/api/v1"
SESSION_COOKIE = "penstock_session"
CSRF_HEADER = "x-csrf-token"
TRIGGER_HEADER = "x-trigger-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route: a role and those above it, or everyone for a stated reason.

    With `trigger_token` also whoever sends the token of a trigger; the handler asks whether it is the right one.
    """

    role: Role | None
    reason: str
    trigger_token: bool = False


VIEWER = Access(Role.VIEWER, "")
EDITOR = Access(Role.EDITOR, "")
EDITOR_OR_TRIGGER = Access(Role.EDITOR, "", trigger_token=True)
ADMIN = Access(Role.ADMIN, "")
OWNER = Access(Role.OWNER, "")


def public(reason: str) -> Access:
    """Let everyone in, signed in or not, because of `reason`."""
    return Access(None, reason)


@dataclass(frozen=True, slots=True)
class Calling:
    """One request's surroundings. `identity` is None on public routes for those who are not signed in.

    `trigger` is the one whose token the request carries, where the route takes such: then there is no identity.
    """

    services: Services
    identity: Identity | None
    address: str | None
    session_token: str | None
    trigger: Trigger | None = None

    @property
    def who(self) -> Identity:
        """The identity, on a route that demands one."""
        if self.identity is None:
            raise NotSignedIn("sign in, or send an API key as `Authorization: Bearer …`")
        return self.identity


async def _current(request: Request) -> Calling:
    found: Calling = request.scope["penstock.call"]
    return found


Call = Annotated[Calling, Depends(_current)]
"""A handler's parameter."""


def services_of(connection: HTTPConnection) -> Services:
    """Return the services the app was made with."""
    found: Services = connection.app.state.services
    return found


def credentials_of(connection: HTTPConnection) -> Credentials:
    """Read the bearer token and the session cookie."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else None
    return Credentials(session_token=connection.cookies.get(SESSION_COOKIE), bearer=bearer)


def trigger_token_of(connection: HTTPConnection) -> str | None:
    """Return the token of a trigger that was sent: in its own header, or as a bearer token that looks like one."""
    bearer = credentials_of(connection).bearer or ""
    return connection.headers.get(TRIGGER_HEADER) or (bearer if bearer.startswith(TOKEN_PREFIX) else None)


def same_origin(connection: HTTPConnection, services: Services) -> bool:
    """Whether the browser's `Origin`, where there is one, is this server's own address."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
    host = connection.headers.get("host", "")
    return origin.lower() == services.settings.public_origin or urlsplit(origin).netloc.lower() == host.lower()


def check_loopback_host(connection: HTTPConnection, services: Services) -> None:
    """Where nobody signs in, refuse a host name of elsewhere: a page whose name was pointed at this machine."""
    if not services.authentication.open_to_all:
        return
    host = urlsplit(f"//{connection.headers.get('host', '')}").hostname
    if host not in _LOOPBACK_NAMES:
        raise NotAllowed("without sign-in the server answers to localhost only")


async def recognise(connection: HTTPConnection, access: Access) -> Calling:
    """Find out who is asking and whether the rule lets them in: NotSignedIn or NotAllowed otherwise."""
    services = services_of(connection)
    check_loopback_host(connection, services)
    address = connection.client.host if connection.client else None
    credentials = credentials_of(connection)
    if access.role is None:
        return Calling(services, None, address, credentials.session_token)
    token = trigger_token_of(connection) if access.trigger_token else None
    if token is not None:
        try:
            trigger = await run_sync(trigger_of_token, services.runs, token)
        except UnknownToken as error:
            raise NotSignedIn(str(error)) from error
        return Calling(services, None, address, None, trigger)
    identity = await run_sync(services.authentication.identify, credentials, address)
    if identity is None:
        raise NotSignedIn("sign in, or send an API key as `Authorization: Bearer …`")
    if not identity.may(access.role):
        raise NotAllowed(f"this needs the role {access.role.value}, and you have {identity.role.value}")
    return Calling(services, identity, address, credentials.session_token)


def check_forgery(request: Request, call: Calling) -> None:
    """Refuse an unsafe request that another site could have sent with this browser's cookie."""
    # A trigger's token is sent by whoever holds it, never by a browser of its own accord.
    if request.method in SAFE_METHODS or call.trigger is not None:
        return
    csrf_token = call.identity.csrf_token if call.identity is not None else None
    by_browser = call.identity is None or csrf_token is not None or call.services.authentication.open_to_all
    if by_browser and not same_origin(request, call.services):
        raise NotAllowed("the request came from another site")
    if csrf_token is not None:
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), csrf_token.encode()):
            raise NotAllowed("the X-CSRF-Token header must repeat the session's csrf_token")


class GuardedRoute(APIRoute):
    """A route that asks its rule first. Making one for a handler without a rule is an error."""

    @property
    def access(self) -> Access:
        """The rule."""
        found: Access = self.endpoint.__access__  # type: ignore[attr-defined]
        return found

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler in the guard."""
        handle = super().get_route_handler()
        access = self.access

        async def guarded(request: Request) -> Response:
            call = await recognise(request, access)
            check_forgery(request, call)
            request.scope["penstock.call"] = call
            return await handle(request)

        return guarded


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers: the model of its body (None: no body), the status, and which errors are to be expected."""

    model: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: str
    handler: Callable[..., Any]
    answer: Answer
    access: Access


class Routes:
    """One resource's routes, to be added to an app."""

    def __init__(self, tag: str, prefix: str = API) -> None:
        """Name the resource."""
        self.tag = tag
        self.prefix = prefix
        self._routes: list[_Route] = []
        self._sockets: list[tuple[str, Callable[[WebSocket], Awaitable[None]]]] = []

    def get(self, path: str, answer: Answer, *, access: Access) -> Callable[[Handler], Handler]:
        """Add a GET route."""
        return self._add("GET", path, answer, access)

    def post(self, path: str, answer: Answer, *, access: Access) -> Callable[[Handler], Handler]:
        """Add a POST route."""
        return self._add("POST", path, answer, access)

    def put(self, path: str, answer: Answer, *, access: Access) -> Callable[[Handler], Handler]:
        """Add a PUT route."""
        return self._add("PUT", path, answer, access)

    def patch(self, path: str, answer: Answer, *, access: Access) -> Callable[[Handler], Handler]:
        """Add a PATCH route."""
        return self._add("PATCH", path, answer, access)

    def delete(self, path: str, answer: Answer, *, access: Access) -> Callable[[Handler], Handler]:
        """Add a DELETE route."""
        return self._add("DELETE", path, answer, access)

    def websocket(self, path: str, *, access: Access) -> Callable[[Handler], Handler]:
        """Add a WebSocket; its handler calls `recognise` with the same rule before it accepts."""

        def mark(handler: Handler) -> Handler:
            handler.__access__ = access  # type: ignore[attr-defined]
            self._sockets.append((self.prefix + path, handler))
            return handler

        return mark

    def _add(self, method: str, path: str, answer: Answer, access: Access) -> Callable[[Handler], Handler]:
        def mark(handler: Handler) -> Handler:
            handler.__access__ = access  # type: ignore[attr-defined]
            self._routes.append(_Route(method, self.prefix + path, handler, answer, access))
            return handler

        return mark

    def add_to(self, app: FastAPI) -> None:
        """Register every route with the app, under its handler's name as operationId."""
        for route in self._routes:
            app.router.add_api_route(
                route.path,
                route.handler,
                methods=[route.method],
                response_model=route.answer.model,
                status_code=route.answer.status,
                operation_id=route.handler.__name__,
                tags=[self.tag],
                openapi_extra=_notes(route),
                route_class_override=GuardedRoute,
                include_in_schema=route.path.startswith(API),
            )
        for path, handler in self._sockets:
            app.router.add_api_websocket_route(path, handler)


def _notes(route: _Route) -> dict[str, Any]:
    """Return what `openapi.py` turns into the operation's security and error answers."""
    notes: dict[str, Any] = {"x-errors": list(route.answer.errors)}
    notes["x-role"] = route.access.role.value if route.access.role else ""
    if route.answer.media_type is not None:
        notes["x-media-type"] = route.answer.media_type
    return notes
