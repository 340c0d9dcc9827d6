import pandas as pd
from nyc.source import read_table

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@data_loader
def load_weather(*args, **kwargs):
    """Hourly readings at the three airports: temperature, wind, rain, visibility."""
    columns = ["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]
    weather = read_table("weather", usecols=columns)
    weather["time_hour"] = pd.to_datetime(weather["time_hour"], utc=True)
    # One reading for an hour, so that a join can never double a flight.
    return weather.drop_duplicates(["origin", "time_hour"], ignore_index=True)


@test
def test_one_reading_an_hour(weather, *args) -> None:
    assert not weather.duplicated(["origin", "time_hour"]).any()
    assert set(weather["origin"]) == {"EWR", "JFK", "LGA"}
