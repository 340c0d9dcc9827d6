"""The API's description. `python -m penstock_runtime.server.openapi` prints it without starting anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from penstock_runtime.server.json_response import JsonResponse
from penstock_runtime.server.problems import MEDIA_TYPE, Problem
from penstock_runtime.server.routing import CSRF_HEADER, SAFE_METHODS, SESSION_COOKIE, Answer, Routes, public

routes = Routes("openapi")

SECURITY_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "A browser's session. Unsafe requests also send its csrf_token as the X-CSRF-Token header.",
    },
    "api_key": {"type": "http", "scheme": "bearer", "description": "An API key (`pen_…`)."},
}


@routes.get("/openapi.json", Answer(), access=public("the description holds no data"))
async def get_openapi_document(request: Request) -> Response:
    """Return this description."""
    return JsonResponse(document(request.app))


def document(app: FastAPI) -> dict[str, Any]:
    """Return the description of an app's API, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_problem_schemas())
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    made["components"]["securitySchemes"] = SECURITY_SCHEMES
    for method, operation in _operations(made):
        _finish(method, operation)
    return made


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = schema.pop("$defs", {})
    return {**parts, "Problem": schema}


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in made["paths"].values():
        yield from item.items()


def _finish(method: str, operation: dict[str, Any]) -> None:
    """Turn our notes on an operation into its security, error answers and media types."""
    role = operation.pop("x-role")
    statuses = set(operation.pop("x-errors"))
    media_type = operation.pop("x-media-type", None)
    if "422" in operation["responses"]:
        statuses.add(422)
    if role:
        statuses |= {401, 403}
        operation["x-penstock-role"] = role
        operation["security"] = [{"session": []}, {"api_key": []}]
        if method.upper() not in SAFE_METHODS:
            operation.setdefault("parameters", []).append(_csrf_parameter())
    else:
        operation["security"] = []
    if media_type is not None:
        operation["responses"]["200"]["content"][media_type] = {"schema": {"type": "string"}}
    for status in sorted(statuses):
        operation["responses"][str(status)] = _problem_answer(status)


def _csrf_parameter() -> dict[str, Any]:
    return {
        "name": CSRF_HEADER.title().replace("Csrf", "CSRF"),
        "in": "header",
        "required": False,
        "description": "The session's csrf_token; not needed with an API key.",
        "schema": {"type": "string"},
    }


def _problem_answer(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}


def openapi_schema() -> dict[str, Any]:
    """Return the description of the whole API, starting nothing."""
    from penstock_runtime.server.app import bare_app
    from penstock_runtime.server.services import ServerSettings

    return document(bare_app(ServerSettings()))


def main() -> None:
    """Print it."""
    sys.stdout.write(json.dumps(openapi_schema(), indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
