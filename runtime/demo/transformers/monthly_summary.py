if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@transformer
def monthly_summary(figures, *args, **kwargs):
    """Flights, cancellations and mean departure delay (minutes) of each month, as plain JSON."""
    months = figures.groupby("month")[["flights", "cancelled", "departed", "dep_delay_sum"]].sum()
    return {
        "year": 2013,
        "months": [
            {
                "month": int(month),
                "flights": int(row.flights),
                "cancelled": int(row.cancelled),
                "mean_dep_delay": round(float(row.dep_delay_sum / row.departed), 6),
            }
            for month, row in months.iterrows()
        ],
    }


@test
def test_summer_is_worse_than_autumn(summary, *args) -> None:
    delay = {row["month"]: row["mean_dep_delay"] for row in summary["months"]}
    assert delay[7] > 2 * delay[10], delay
