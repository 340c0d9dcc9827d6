"""Errors as problem details (RFC 9457), always as `application/problem+json`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from penstock_runtime.domain.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PenstockError,
    PipelineInvalid,
    StoreContention,
    StoreUnavailable,
)
from penstock_runtime.ports.artifact_store import ArtifactStoreFailed
from penstock_runtime.ports.authentication import NotAllowed, NotSignedIn, TooManyFailures
from penstock_runtime.ports.log_store import LogStoreFailed
from penstock_runtime.ports.secret_store import SecretUnreadable
from penstock_runtime.ports.sources import SourceUnavailable
from penstock_runtime.server.json_response import encode_json
from penstock_runtime.server.services import SourceChanged

MEDIA_TYPE = "application/problem+json"
logger = logging.getLogger("penstock.server")


class FieldError(BaseModel):
    """One thing wrong with the request: where, and why."""

    path: str = Field(description="Where, as `body.variables.day` or `query.limit`; empty for the whole.")
    message: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None
    current: dict[str, Any] | None = Field(default=None, description="On a lost edit: what is there now (text, etag).")


class TooManyStreams(PenstockError):
    """Somebody follows as much at once as one may."""


class PreconditionMissing(PenstockError):
    """An edit that does not say which text it began from."""


STATUSES: tuple[tuple[type[PenstockError], HTTPStatus], ...] = (
    (NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (SourceUnavailable, HTTPStatus.CONFLICT),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (PreconditionMissing, HTTPStatus.PRECONDITION_REQUIRED),
    (TooManyFailures, HTTPStatus.TOO_MANY_REQUESTS),
    (TooManyStreams, HTTPStatus.TOO_MANY_REQUESTS),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreContention, HTTPStatus.SERVICE_UNAVAILABLE),
    (ArtifactStoreFailed, HTTPStatus.SERVICE_UNAVAILABLE),
    (LogStoreFailed, HTTPStatus.SERVICE_UNAVAILABLE),
    (SecretUnreadable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first that fits decides; what is not here is a fault of ours."""


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Return a problem as a response; `more` are its further members."""
    phrase = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": phrase, "status": status, "detail": detail or phrase, **more}
    return Response(encode_json(body), status, dict(headers or {}), MEDIA_TYPE)


def problem_of(error: PenstockError) -> Response:
    """Return the problem that one of our own errors is to a caller."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    if status is None:
        logger.error("unexpected error in a request", exc_info=error)
        return problem(500, "something went wrong on our side; the server's log has the details")
    return problem(status, public_text(error), headers=_headers(error, status), **_members(error))


def public_text(error: PenstockError) -> str:
    """Return what a caller may read of an error. What the database's driver says is for the log: it names hosts."""
    if isinstance(error, StoreUnavailable):
        logger.warning("the database did not serve a request: %s", error)
        return "the database does not answer; try again in a moment"
    return str(error)


def _headers(error: PenstockError, status: HTTPStatus) -> Mapping[str, str]:
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooManyFailures):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}


def _members(error: PenstockError) -> Mapping[str, Any]:
    if isinstance(error, PipelineInvalid) and error.problems:
        return {"errors": [{"path": "pipeline", "message": text} for text in error.problems]}
    if isinstance(error, InvalidInput):
        return {"errors": [{"path": error.field or "", "message": str(error)}]}
    if isinstance(error, SourceChanged):
        return {"current": {"text": error.current.text, "etag": error.current.etag}}
    return {}


async def _on_own(_request: Request, error: Exception) -> Response:
    if not isinstance(error, PenstockError):
        raise error
    return problem_of(error)


async def _on_validation(_request: Request, error: Exception) -> Response:
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    errors = [{"path": ".".join(str(part) for part in item["loc"]), "message": item["msg"]} for item in found]
    detail = "; ".join(f"{item['path']}: {item['message']}" for item in errors[:5])
    return problem(422, detail, errors=errors)


async def _on_http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, str(error.detail), headers=error.headers)


# What is none of these is answered by `middleware.Surroundings`, which stands outside.
HANDLERS: Mapping[type[Exception], Callable[..., Any]] = {
    PenstockError: _on_own,
    RequestValidationError: _on_validation,
    HTTPException: _on_http,
}


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
