if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@custom
def check_quality(figures, flights, *args, **kwargs):
    """What went in against what came out. Nothing is published unless the tests below pass."""
    counted = int(figures["flights"].sum())
    return {
        "flights_loaded": len(flights),
        "flights_counted": counted,
        "cancelled_loaded": int(flights["cancelled"].sum()),
        "cancelled_counted": int(figures["cancelled"].sum()),
        "carriers": int(figures["carrier"].nunique()),
        "share_with_weather": round(int(figures["with_weather"].sum()) / counted, 4),
        "share_with_plane": round(int(figures["with_plane"].sum()) / counted, 4),
    }


@test
def test_no_flight_lost_or_doubled(report, *args) -> None:
    assert report["flights_counted"] == report["flights_loaded"], report


@test
def test_cancelled_flights_agree(report, *args) -> None:
    assert report["cancelled_counted"] == report["cancelled_loaded"], report


@test
def test_joins_found_their_rows(report, *args) -> None:
    assert report["share_with_weather"] > 0.98, report
    # Two airlines report numbers of their own in place of tail numbers, so one flight in six has no known aircraft.
    assert report["share_with_plane"] > 0.80, report


@test
def test_all_sixteen_airlines(report, *args) -> None:
    assert report["carriers"] == 16, report
