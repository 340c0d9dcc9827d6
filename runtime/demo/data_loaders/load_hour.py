import pandas as pd
from nyc.source import read_table

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


def same_hour_of_2013(moment) -> pd.Timestamp:
    """The start of the hour of `moment`, moved to 2013. 29 February becomes the 28th."""
    moment = pd.Timestamp(moment)
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
    return pd.Timestamp(2013, moment.month, day, moment.hour, tz="UTC")


@data_loader
def load_hour(*args, **kwargs):
    """The weather at the three airports at this run's hour, but in 2013."""
    hour = same_hour_of_2013(kwargs["execution_date"])
    columns = ["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]
    weather = read_table("weather", usecols=columns).dropna()
    weather["time_hour"] = pd.to_datetime(weather["time_hour"], utc=True)
    weather = weather.sort_values("time_hour")
    # A few hours were never recorded: take the last reading before them (at the year's start, the first one).
    known = weather[weather["time_hour"] <= hour]
    nearest = known.groupby("origin").tail(1) if len(known) else weather.groupby("origin").head(1)
    return nearest.sort_values("origin", ignore_index=True).assign(hour=hour)


@test
def test_all_three_airports(readings, *args) -> None:
    assert list(readings["origin"]) == ["EWR", "JFK", "LGA"], readings
