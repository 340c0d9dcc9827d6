"""The limits a child puts on itself before it loads any user code."""

from __future__ import annotations

import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

CPU_GRACE_SECONDS = 5
"""Between SIGXCPU, which Python code may catch, and the kernel's SIGKILL."""


def apply_limits(limits: Mapping[str, Any]) -> None:
    """Apply `memory_bytes` (as RLIMIT_DATA, above what the process already holds) and `cpu_seconds`; both may be null.

    RLIMIT_DATA and not RLIMIT_AS: table libraries reserve far more address space than they touch. What was there
    before user code (the interpreter, imported libraries) is ours and not charged to the block.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory = limits.get("memory_bytes")
    if memory:
        _lower(resource.RLIMIT_DATA, int(memory) + data_bytes())
    seconds = limits.get("cpu_seconds")
    if seconds:
        _lower(resource.RLIMIT_CPU, int(seconds), int(seconds) + CPU_GRACE_SECONDS)


def _lower(which: int, soft: int, hard: Optional[int] = None) -> None:
    """Set a limit, never above the hard one that is already there."""
    _, ceiling = resource.getrlimit(which)
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def data_bytes() -> int:
    """Return the private writable bytes this process has mapped, which is what RLIMIT_DATA counts."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[5]) * resource.getpagesize()
