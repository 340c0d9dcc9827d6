from nyc.source import read_table

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test

COLUMNS = [
    "month",
    "day",
    "hour",
    "time_hour",
    "origin",
    "dest",
    "carrier",
    "flight",
    "tailnum",
    "dep_time",
    "dep_delay",
    "arr_delay",
    "air_time",
    "distance",
]


@data_loader
def load_flights(*args, **kwargs):
    """Every departure of 2013 from Newark, Kennedy and LaGuardia, one row each."""
    return read_table("flights", usecols=COLUMNS)


@test
def test_the_year_is_whole(flights, *args) -> None:
    assert len(flights) == 336_776, f"expected 336,776 flights, found {len(flights):,}"
    assert sorted(flights["month"].unique()) == list(range(1, 13))
