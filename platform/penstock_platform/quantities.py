"""CPU in Kubernetes quantities, memory in Mi and Gi: read into millis and MiB."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


def cpu_millis(value: Any) -> int:
    """Return thousandths of a core from `500m`, `1`, `1.5` or a number. Raises ValueError for anything else."""
    text = str(value).strip()
    if match := re.fullmatch(r"(\d+)m", text):
        return int(match[1])
    if re.fullmatch(r"\d+(\.\d{1,3})?", text) and not isinstance(value, bool):
        return round(float(text) * 1000)
    raise ValueError(f"{value!r} is no CPU quantity; write 500m, 1 or 1.5")


def memory_mib(value: Any) -> int:
    """Return MiB from `512Mi`, `2Gi` or `1.5Gi`. Raises ValueError for anything else, plain numbers included."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(Mi|Gi|Ti)", str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is no memory quantity; write 512Mi or 2Gi")
    return round(float(match[1]) * _UNITS[match[2]])


def memory_text(mib: int) -> str:
    """Return MiB as people write it: `2Gi` where it is whole, else `1536Mi`."""
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"


def cpu_text(millis: int) -> str:
    """Return thousandths of a core as people write it: `2` where it is whole, else `500m`."""
    return str(millis // 1000) if millis % 1000 == 0 else f"{millis}m"


CpuMillis = Annotated[int, BeforeValidator(cpu_millis)]
MemoryMib = Annotated[int, BeforeValidator(memory_mib)]
