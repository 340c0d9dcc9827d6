"""Small pictures of outputs for people: JSON-safe, the first 100 rows or items, long texts cut."""

from __future__ import annotations

import json
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

ROWS = 100
TEXT = 500
BYTES = 65_536
_DEPTH = 6


def sample_of(value: Any) -> Any:
    """A JSON-safe picture of any value, at most 64 KiB."""
    sample = safe(value)
    return sample if _size(sample) <= BYTES else safe(str(sample))


def table_sample(columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """`{"columns": [name…], "rows": [[value…]…]}` of the first 100 rows, fewer when they would pass 64 KiB."""
    kept: list[list[Any]] = []
    left = BYTES
    for row in rows:
        picture = [None if type(value) is float and math.isnan(value) else safe(value) for value in row]
        left -= _size(picture)
        if len(kept) == ROWS or left < 0:
            break
        kept.append(picture)
    return {"columns": [str(name) for name in columns], "rows": kept}


def sample_of_items(items: Sequence[dict[str, Any]]) -> list[Any]:
    """The pictures of the first items of a list stored item by item."""
    return [{"type": item["type"], "rows": item["rows"]} for item in items[:ROWS]]


def safe(value: Any, depth: int = 0) -> Any:
    """The value with everything that JSON lacks turned into text: dates, decimals, NaN, objects."""
    if value is None or isinstance(value, (bool, str, int, float)):
        return _safe_scalar(value)
    if depth < _DEPTH and isinstance(value, dict):
        pairs = list(value.items())[:ROWS]
        return {_text(key): safe(inner, depth + 1) for key, inner in pairs}
    if depth < _DEPTH and isinstance(value, (list, tuple)):
        return [safe(inner, depth + 1) for inner in value[:ROWS]]
    if hasattr(value, "isoformat"):
        return _text(value.isoformat())
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not getattr(value, "ndim", 0):
        return safe(value.item(), depth + 1) if depth < _DEPTH else _text(value)
    return _text(value)


def _safe_scalar(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _text(value)
    number = int(value)
    return number if abs(number) <= 2**53 else _text(number)


def _text(value: Any) -> str:
    try:
        text = value if type(value) is str else str(value)
    except Exception as error:  # noqa: BLE001 - user code runs in __str__ and may raise anything
        text = f"<{type(value).__name__}: its text could not be made: {type(error).__name__}>"
    text = text if len(text) <= TEXT else text[: TEXT - 1] + "…"
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "�")


def _size(value: Any) -> int:
    return len(json.dumps(value))
