"""A picture of a soak: a row for each process and server, a bar or a mark for each fault that met it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from support.fleet.plan import EVERYONE

if TYPE_CHECKING:
    from support.fleet.soak import Outcome

ROWS = (*EVERYONE, "postgres", "redis", "disk", "all")
WIDTH, ROW, LEFT, TOP = 1200, 28, 110, 40
COLOURS = {"kill": "#c0392b", "freeze": "#2471a3", "drain": "#7d6608", "redis": "#a04000", "postgres": "#6c3483"}
OTHER = "#566573"


def draw(outcome: Outcome) -> str:
    """Return the picture as SVG."""
    seconds = max([outcome.soak.seconds, *(fault["ended"] or 0.0 for fault in outcome.faults)])
    scale = (WIDTH - LEFT - 20) / seconds
    height = TOP + ROW * len(ROWS) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(_title(outcome))}</text>',
    ]
    for number, name in enumerate(ROWS):
        y = TOP + ROW * number
        parts.append(f'<text x="8" y="{y + 18}" font-size="12">{name}</text>')
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y + ROW - 1}" y2="{y + ROW - 1}" stroke="#ddd"/>')
    step = max(10, round(seconds / 12 / 10) * 10)
    for at in range(0, int(seconds) + 1, step):
        x = LEFT + at * scale
        parts.append(f'<text x="{x:.1f}" y="{height - 14}" font-size="11" text-anchor="middle">{at} s</text>')
    for one in outcome.faults:
        if one["left_out"]:
            continue
        fault = one["fault"]
        y = TOP + ROW * ROWS.index(fault["target"])
        width = max(3.0, ((one["ended"] or one["began"]) - one["began"]) * scale)
        colour = COLOURS.get(fault["kind"].split("-", maxsplit=1)[0], OTHER)
        parts.append(
            f'<rect x="{LEFT + one["began"] * scale:.1f}" y="{y + 4}" width="{width:.1f}" height="{ROW - 9}" '
            f'fill="{colour}" fill-opacity="0.6"><title>{escape(_words(one))}</title></rect>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _title(outcome: Outcome) -> str:
    verdict = f"{len(outcome.breaches)} breaches" if outcome.breaches else "every promise held"
    figures = outcome.figures
    return (
        f"seed {outcome.soak.seed}, {outcome.soak.seconds:g} s: {figures['faults']} faults, {figures['runs']} runs, "
        f"{figures['attempt_rows']} attempts, {figures['schedulers_that_lived']} lives of schedulers: {verdict}"
    )


def _words(one: dict[str, object]) -> str:
    fault = one["fault"]
    assert isinstance(fault, dict)
    return f"{fault['kind']} {fault['target']} at {one['began']:.1f} s, until {one['ended']} {fault['detail']}"
