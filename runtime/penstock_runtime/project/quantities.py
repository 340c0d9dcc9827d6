"""Amounts of memory as people and platforms write them."""

from __future__ import annotations

import re
from typing import Any

_UNITS = {
    "": 1,
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]?i?)[bB]?\s*")


def memory_bytes(value: Any, plain_unit: int = 1) -> int:
    """Return bytes from `512Mi`, `2Gi`, `1.5G` or a plain number of `plain_unit` bytes; ValueError otherwise."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not an amount of memory")  # noqa: TRY004 - a wrong value of a file, not of a caller
    if isinstance(value, int | float):
        amount = int(value * plain_unit)
    else:
        found = _QUANTITY.fullmatch(str(value))
        if found is None or found[2] not in _UNITS:
            raise ValueError(f"{value!r} is not an amount of memory such as 512Mi or 2Gi")
        amount = int(float(found[1]) * (_UNITS[found[2]] if found[2] else plain_unit))
    if amount <= 0:
        raise ValueError(f"{value!r} is not an amount of memory above zero")
    return amount
