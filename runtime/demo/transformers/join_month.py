if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@transformer
def join_month(flights, weather, planes, airports, *args, **kwargs):
    """One month of flights with the weather at departure, the aircraft and the destination's name."""
    joined = (
        flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
        .merge(planes, on="tailnum", how="left", validate="many_to_one")
        .merge(airports, on="dest", how="left", validate="many_to_one")
    )
    joined["aircraft_age"] = 2013 - joined["built"]
    # Rain, snow or fog at the hour of departure. An hour without a reading counts as fair.
    joined["bad_weather"] = (joined["precip"] > 0) | (joined["visib"] < 3)
    kwargs["logger"].info(f"{kwargs['month_name']}: {len(joined):,} flights joined")
    return joined.drop(columns="built")


@test
def test_nearly_every_hour_has_weather(joined, *args) -> None:
    known = joined["temp"].notna().mean()
    assert known > 0.95, f"only {known:.1%} of the flights found their weather"
