"""Path, query and body values, bounded before anything looks at them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

PLAIN = r"^[^\x00-\x1f\x7f]+$"
_DEPTH = 50


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside the calendar") from error


def storable_text(text: str) -> str:
    """Refuse what no database keeps: NUL, and half of a surrogate pair."""
    if "\x00" in text:
        raise ValueError("the text must not contain NUL")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the text must be valid Unicode") from error
    return text


def storable_json(value: Any, depth: int = 0) -> Any:
    """Refuse JSON that cannot be kept and given back: NaN, infinities, NUL, lone surrogates, deep nesting."""
    if depth > _DEPTH:
        raise ValueError(f"the value is nested deeper than {_DEPTH} levels")
    if isinstance(value, str):
        storable_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("numbers must be finite")
    elif isinstance(value, dict):
        for key, inner in value.items():
            storable_text(key)
            storable_json(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            storable_json(inner, depth + 1)
    return value


UtcTime = Annotated[AwareDatetime, AfterValidator(_utc)]
"""An aware time, turned to UTC."""
Text = Annotated[str, AfterValidator(storable_text)]
"""Any text that can be stored."""
JsonObject = Annotated[dict[str, Any], AfterValidator(storable_json)]
"""A JSON object that can be stored."""

RunId = Annotated[str, Path(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", description="A run's id.")]
ItemId = Annotated[str, Path(pattern=r"^[0-9a-zA-Z-]{1,64}$")]
Slug = Annotated[str, Path(pattern=PLAIN, max_length=255, description="A pipeline's slug.")]
BlockSlug = Annotated[str, Path(pattern=PLAIN, max_length=255, description="A block's slug; it may contain slashes.")]
SlugFilter = Annotated[str | None, Query(pattern=PLAIN, max_length=255)]
MapIndex = Annotated[int | None, Query(ge=0, le=10_000_000, description="One instance of a mapped block.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Items of a page, at most.")]
VISIBLE = r"^[\x21-\x7e]+$"
Cursor = Annotated[str | None, Query(pattern=VISIBLE, max_length=2000, description="`next_cursor` of the last page.")]
Key = Annotated[str, Field(pattern=r"^[\x21-\x7e]+$", max_length=255)]


class Body(BaseModel):
    """A request's body: unknown fields are errors, so that a misspelt one is never ignored in silence."""

    model_config = ConfigDict(extra="forbid")


class Conditions(BaseModel):
    """A list's query: unknown names are errors here too, or a misspelt condition would show everything."""

    model_config = ConfigDict(extra="forbid")
