if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer

KEYS = ["month", "origin", "hour", "carrier", "bad_weather"]


@transformer
def count_month(joined, *args, **kwargs):
    """Counts and sums for one month.

    Sums add up across months, means do not: so the means are made at the very end.
    `reduce_output` hands the twelve tables to the next block as one list.
    """
    return joined.groupby(KEYS, as_index=False).agg(
        flights=("flight", "size"),
        cancelled=("cancelled", "sum"),
        departed=("dep_delay", "count"),
        dep_delay_sum=("dep_delay", "sum"),
        arrived=("arr_delay", "count"),
        arr_delay_sum=("arr_delay", "sum"),
        with_weather=("temp", "count"),
        with_plane=("seats", "count"),
    )
