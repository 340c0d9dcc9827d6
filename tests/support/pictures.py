"""A picture of each cloud's stack, drawn from the resource graph that the engine made (tests/golden/graphs).

Components are boxes with the kinds of resources in them; a lock marks what is protected. Arrows follow the engine's own
dependencies: from the front to processes, and from processes and jobs to what they use.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from support.golden_graphs import golden_path

LANES: dict[str, tuple[str, ...]] = {
    "front": ("Front", "Balancer", "Certificate", "JobsFront", "Ingress"),
    "processes": (
        "Service",
        "WebService",
        "WebApp",
        "SchedulerApp",
        "SchedulerPool",
        "Scheduler",
        "Web",
        "Autoscaling",
        "Scaling",
        "Scaler",
    ),
    "work": ("Jobs", "JobDefinition", "EmrGround", "JobDefinitions", "Spark"),
    "data": ("Database", "Cache", "Share", "Bucket", "Secrets", "SecretStore", "Vault", "Backups", "ShareBackups"),
    "around": (),
}
"""Which lane a component is drawn in, by its type's last word; every other one is around the rest."""
TITLES = {
    "front": "People and jobs come in here",
    "processes": "Processes",
    "work": "What processes start",
    "data": "What holds data",
    "around": "Network, identities, image, watching",
}
CLOUDS = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Azure", "kubernetes": "Kubernetes"}
BOX_WIDTH, LINE, HEAD, PAD, GAP = 214, 17, 34, 14, 26
ROWS = (("front", "processes", "work"), ("data",), ("around",))
PER_ROW = 7
WIDTH = PER_ROW * (BOX_WIDTH + GAP) + GAP
MOST_LINES = 7
MOST_LETTERS = 31

STYLE = """
svg{font-family:system-ui,sans-serif}
.page{fill:#ffffff}.box{fill:#f6f8fa;stroke:#57606a;stroke-width:1.2}.data{fill:#e6f4ee;stroke:#2f855a}
.front{fill:#fff5e0;stroke:#b7791f}.work{fill:#f3ecfd;stroke:#7c4dbd}.name{font-size:15px;font-weight:600;fill:#1f2328}
.note{font-size:12px;fill:#57606a}.title{font-size:20px;font-weight:650;fill:#1f2328}
.lane{font-size:13px;fill:#57606a;font-weight:600}
.edge{fill:none;stroke:#0969da;stroke-width:1.3;opacity:.55;marker-end:url(#tip)}
.lock rect{fill:#57606a}.lock path{fill:none;stroke:#57606a;stroke-width:1.6}.tip{fill:#0969da}
@media (prefers-color-scheme: dark){.page{fill:#0d1117}.box{fill:#161b22;stroke:#8b949e}
.data{fill:#12261e;stroke:#3fb950}
.front{fill:#2b230f;stroke:#d29922}.work{fill:#211a33;stroke:#a371f7}.name,.title{fill:#e6edf3}.note,.lane{fill:#9da7b1}
.edge{stroke:#58a6ff}.tip{fill:#58a6ff}.lock rect{fill:#9da7b1}.lock path{stroke:#9da7b1}}
"""

MARKER = """\
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
<path class="tip" d="M0 0 L10 5 L0 10 z"/></marker></defs>"""

LOCK = '<rect x="0" y="6" width="12" height="9" rx="2"/><path d="M2.5 6 V4 a3.5 3.5 0 0 1 7 0 V6"/>'


@dataclass
class Box:
    """One component: its name, its lane, how many of each kind it holds, and where it is drawn."""

    key: str
    name: str
    lane: str
    kinds: Counter[str] = field(default_factory=Counter)
    protected: bool = False
    x: int = 0
    y: int = 0

    @property
    def lines(self) -> list[str]:
        counted = [kind if count == 1 else f"{count} {plural(kind)}" for kind, count in sorted(self.kinds.items())]
        return (
            counted
            if len(counted) <= MOST_LINES
            else [*counted[: MOST_LINES - 1], f"and {len(counted) - MOST_LINES + 1} more kinds"]
        )

    @property
    def height(self) -> int:
        return HEAD + LINE * len(self.lines) + PAD // 2


def picture(cloud: str, topology: str = "ha") -> str:
    """Return the picture of a cloud's stack as SVG."""
    graph = json.loads(golden_path(cloud, topology).read_text(encoding="utf-8"))
    boxes = boxes_of(graph)
    height, lanes = placed(boxes)
    title = f"Penstock on {CLOUDS[cloud]}, topology {topology}"
    count = sum(not one["type"].startswith(("penstock:", "pulumi:")) for one in graph)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<title>{title}</title><style>{STYLE}</style>",
        MARKER,
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="12"/>',
        f'<text class="title" x="{GAP}" y="40">{title}</text>',
        f'<text class="note" x="{GAP}" y="60">{count} resources. A lock: protected from deletion.</text>',
        *(f'<text class="lane" x="{x}" y="{y}">{escape(TITLES[lane])}</text>' for lane, x, y in lanes),
        *edges(graph, boxes),
        *(line for box in boxes.values() for line in drawn(box)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def boxes_of(graph: Iterable[Mapping[str, Any]]) -> dict[str, Box]:
    """Return the components by key, each with the resources below it; those inside another are drawn in it."""
    by_key = {f"{one['type']}::{one['name']}": one for one in graph}
    boxes: dict[str, Box] = {}
    for one in by_key.values():
        if one["type"].startswith("pulumi:providers:"):
            continue
        owner = top_component(one, by_key)
        if owner is None:
            continue
        box = boxes.setdefault(owner, Box(owner, owner.rsplit("::", maxsplit=1)[-1], lane_of(owner)))
        if not one["type"].startswith("penstock:"):
            box.kinds[spoken(one["type"])] += 1
            box.protected |= one["protect"]
    return {key: box for key, box in boxes.items() if box.kinds}


def top_component(one: Mapping[str, Any], by_key: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the key of the outermost component of ours around a resource, the stack's own aside."""
    found, key = None, f"{one['type']}::{one['name']}"
    while key is not None and key in by_key:
        if key.startswith("penstock:") and not key.partition("::")[0].endswith(":Stack"):
            found = key
        key = by_key[key]["parent"]
    return found


def lane_of(key: str) -> str:
    kind = key.split("::", maxsplit=1)[0].rsplit(":", maxsplit=1)[-1]
    return next((lane for lane, kinds in LANES.items() if kind in kinds), "around")


def plural(kind: str) -> str:
    if kind.endswith("y") and not kind.endswith(("ey", "ay")):
        return kind[:-1] + "ies"
    return kind + ("es" if kind.endswith("s") else "s")


def spoken(token: str) -> str:
    """Return a type's last word, spaced: `aws:ec2/natGateway:NatGateway` is `Nat Gateway`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", token.rsplit(":", maxsplit=1)[-1])


def placed(boxes: Mapping[str, Box]) -> tuple[int, list[tuple[str, int, int]]]:
    """Give each box its place; return the picture's height and where each lane's title stands."""
    y, lanes = 112, []
    for row in ROWS:
        found = [box for lane in row for box in sorted(boxes.values(), key=beside_its_neighbour) if box.lane == lane]
        for start in range(0, len(found), PER_ROW):
            line = found[start : start + PER_ROW]
            for column, box in enumerate(line):
                box.x, box.y = GAP + column * (BOX_WIDTH + GAP), y
                if not any(lane == box.lane for lane, _, _ in lanes):
                    lanes.append((box.lane, box.x, y - 18))
            y += max(box.height for box in line) + (GAP if start + PER_ROW < len(found) else 78)
    return y - 78 + GAP, lanes


def beside_its_neighbour(box: Box) -> tuple[int, str]:
    """Order a lane so that what people reach stands beside what serves them."""
    weight = {"front": 2, "web": -2, "penstock": -2, "scheduler": -1, "database": -2, "share": -1}
    return weight.get(box.name, 0), box.name


def edges(graph: Iterable[Mapping[str, Any]], boxes: Mapping[str, Box]) -> Iterator[str]:
    """Yield the arrows from fronts, processes and jobs to what they use."""
    by_key = {f"{one['type']}::{one['name']}": one for one in graph}
    drawn_already: dict[str, set[str]] = defaultdict(set)
    for one in by_key.values():
        source = top_component(one, by_key)
        for dependency in one["dependencies"]:
            target = top_component(by_key[dependency], by_key) if dependency in by_key else None
            if (
                source in boxes
                and target in boxes
                and target not in drawn_already[source]
                and is_told(boxes[source], boxes[target])
            ):
                drawn_already[source].add(target)
                yield arrow(boxes[source], boxes[target])


def is_told(source: Box, target: Box) -> bool:
    flows = {
        ("front", "processes"),
        ("processes", "front"),
        ("processes", "data"),
        ("processes", "work"),
        ("work", "data"),
    }
    return (source.lane, target.lane) in flows


def arrow(source: Box, target: Box) -> str:
    if source.y == target.y:
        left, right = sorted((source, target), key=lambda box: box.x)
        if right.x - left.x == BOX_WIDTH + GAP:
            return f'<path class="edge" d="M{left.x + BOX_WIDTH} {left.y + HEAD} H{right.x - 2}"/>'
        low = max(left.y + left.height, right.y + right.height) + 26
        start = (left.x + BOX_WIDTH // 2, left.y + left.height)
        end = (right.x + BOX_WIDTH // 2, right.y + right.height + 3)
        return f'<path class="edge" d="M{start[0]} {start[1]} C{start[0]} {low} {end[0]} {low} {end[0]} {end[1]}"/>'
    start, end = (source.x + BOX_WIDTH // 2, source.y + source.height), (target.x + BOX_WIDTH // 2, target.y - 4)
    bend = (start[1] + end[1]) // 2
    return f'<path class="edge" d="M{start[0]} {start[1]} C{start[0]} {bend} {end[0]} {bend} {end[0]} {end[1]}"/>'


def shortened(line: str) -> str:
    return line if len(line) <= MOST_LETTERS else line[: MOST_LETTERS - 1] + "…"


def drawn(box: Box) -> Iterator[str]:
    tone = box.lane if box.lane in {"front", "work", "data"} else ""
    yield f'<rect class="box {tone}" x="{box.x}" y="{box.y}" width="{BOX_WIDTH}" height="{box.height}" rx="8"/>'
    yield f'<text class="name" x="{box.x + PAD}" y="{box.y + 22}">{escape(box.name)}</text>'
    if box.protected:
        place = f"translate({box.x + BOX_WIDTH - 26} {box.y + 10})"
        yield f'<g class="lock" transform="{place}">{LOCK}</g>'
    for index, line in enumerate(box.lines):
        x, y = box.x + PAD, box.y + HEAD + 6 + LINE * index
        yield f'<text class="note" x="{x}" y="{y}">{escape(shortened(line))}</text>'
