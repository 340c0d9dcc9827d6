"""Figures as JSON and as a table, beside what is aimed at."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

AIMS: dict[str, tuple[str, float]] = {
    "b1.seconds": ("at most", 2.0),
    "b2.p50_ms": ("at most", 15.0),
    "b2.p95_ms": ("at most", 40.0),
    "b3.seconds": ("at most", 0.5),
    "b5.times_floor": ("at least", 0.5),
    "b6.mib": ("at most", 150.0),
    "b6.cpu_percent": ("at most", 0.5),
    "b7.p95_s": ("at most", 0.3),
    "b7.missing": ("at most", 0.0),
    "b9.first_line_ratio": ("at most", 1.5),
    "b9.pass_ratio": ("at most", 1.5),
    "b8.stuck": ("at most", 0.0),
    "b8.lost": ("at most", 0.0),
}


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
    }


def met(name: str, value: float) -> bool | None:
    """Whether a figure is what was aimed at; None when nothing was."""
    if name not in AIMS:
        return None
    word, bound = AIMS[name]
    return value <= bound if word == "at most" else value >= bound


def rows(results: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str, str]]:
    """Return (name, value, aim) of every figure; a figure that misses its aim says so."""
    made = []
    for bench, figures in results.items():
        for figure, value in figures.items():
            name = f"{bench}.{figure}"
            verdict = met(name, value)
            aim = "" if verdict is None else f"{AIMS[name][0]} {AIMS[name][1]:g}{'' if verdict else '  MISSED'}"
            made.append((name, f"{value:.2f}", aim))
    return made


def table(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return the rows as aligned text."""
    lines = rows(results)
    left = max((len(name) for name, _, _ in lines), default=0)
    right = max((len(value) for _, value, _ in lines), default=0)
    return "\n".join(f"{name:<{left}}  {value:>{right}}  {aim}".rstrip() for name, value, aim in lines)
