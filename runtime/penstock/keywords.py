"""The keyword arguments that every function of a block may take."""

from __future__ import annotations

from datetime import datetime, timezone

from penstock.logs import BlockLogger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def keyword_arguments(work: dict[str, Any], block: dict[str, Any], map_index: int | None) -> dict[str, Any]:
    """Variables, then what the run says of itself, which wins: instants as aware datetimes, the rest as given."""
    kwargs: dict[str, Any] = dict(work.get("variables") or {})
    for key, value in (work.get("context") or {}).items():
        kwargs[key] = _instant(value) if key == "execution_date" or "_datetime" in key else value
    kwargs["event"] = kwargs.get("event") or {}
    kwargs["configuration"] = block.get("configuration") or {}
    kwargs["block_uuid"] = block["slug"]
    kwargs["pipeline_uuid"] = work.get("pipeline")
    kwargs["logger"] = BlockLogger(block["slug"])
    when = kwargs.get("execution_date")
    if isinstance(when, datetime):
        kwargs.setdefault("ds", when.strftime("%Y-%m-%d"))
        kwargs.setdefault("hr", when.strftime("%H"))
        trigger = kwargs.get("trigger_name") or "manual"
        kwargs.setdefault("execution_partition", f"{trigger}/{when.strftime('%Y%m%dT%H%M%S')}")
    if map_index is not None:
        kwargs["dynamic_block_index"] = map_index
    return kwargs


def _instant(value: Any) -> Any:
    """An RFC 3339 text as a datetime; anything else as it is. Python 3.9 reads neither `Z` nor odd fractions."""
    if not isinstance(value, str):
        return value
    text = value[:-1] + "+00:00" if value.endswith("Z") else value
    head, dot, tail = text.partition(".")
    if dot:
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        text = f"{head}.{digits[:6].ljust(6, '0')}{tail[len(digits) :]}"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return value
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=timezone.utc)
