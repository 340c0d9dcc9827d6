"""What a resource costs, in one word: the marks that each cloud's `BILLING` uses besides the ids of cost lines."""

from __future__ import annotations

FREE = "free"
"""The resource itself costs nothing."""

_BY_USE = "by use: "
BY_USE = _BY_USE + "{0}"
"""The resource costs what is used of it, which no blueprint says: `BY_USE.format("requests")`."""


def by_use(what: str) -> str:
    """Return the mark of a resource that costs by use of `what`, such as `requests`."""
    return BY_USE.format(what)


def is_mark(value: str) -> bool:
    """Return whether this is a mark, and not the id of a cost line."""
    return value == FREE or value.startswith(_BY_USE)
