import pandas as pd

if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@transformer
def clean_flights(flights, *args, **kwargs):
    """Real times, small integers, and a mark on the flights that never left."""
    flights["time_hour"] = pd.to_datetime(flights["time_hour"], utc=True)
    # A flight without a departure time was cancelled. It counts as a flight, but has no delay.
    flights["cancelled"] = flights["dep_time"].isna()
    flights["tailnum"] = flights["tailnum"].fillna("")
    small = {"month": "int8", "day": "int8", "hour": "int8", "flight": "int16", "distance": "int16"}
    flights = flights.drop(columns="dep_time").astype(small)
    kwargs["logger"].info(f"{len(flights):,} flights, {flights['cancelled'].sum():,} of them cancelled")
    return flights


@test
def test_cancelled_flights_have_no_delay(flights, *args) -> None:
    assert flights.loc[flights["cancelled"], "dep_delay"].isna().all()
    assert flights.loc[~flights["cancelled"], "dep_delay"].notna().all()


@test
def test_nobody_leaves_a_day_early(flights, *args) -> None:
    assert flights["dep_delay"].min() > -60, "a departure an hour before its time is a wrong row"
