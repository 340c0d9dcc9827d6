"""JSON straight from dictionaries: hot reads do no validation on the way out (a test holds them to their models)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response


def rfc3339(at: datetime | None) -> str | None:
    """Return an aware time as RFC 3339 in UTC with microseconds, or None for None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode_json(content: object) -> bytes:
    """Return compact UTF-8. A lone surrogate, which no UTF-8 has, is written as a JSON escape.

    NaN and Infinity are written as null: users' values hold them, and an answer without one is worth more than none.
    """
    try:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        content = _finite(content)
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def _finite(value: object) -> object:
    """Return the value with null for each number that JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


class JsonResponse(Response):
    """A JSON body; times in it must be text already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return encode_json(content)


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """Return a JSON response."""
    return JsonResponse(content, status, headers)


def no_content() -> Response:
    """Return the empty answer of a thing done."""
    return Response(status_code=204)


def page(items: list[Any], next_cursor: str | None) -> JsonResponse:
    """Return a list's answer."""
    return JsonResponse({"items": items, "next_cursor": next_cursor})
