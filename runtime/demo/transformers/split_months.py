if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def split_months(flights, *args, **kwargs):
    """The year as a list of twelve tables.

    This block is dynamic: each block below it runs once for each item of the first list, with the matching item of
    the second list among its variables. An instance reads its own month, never the whole year.
    """
    months = [(int(month), table.reset_index(drop=True)) for month, table in flights.groupby("month")]
    return [
        [table for _, table in months],
        [{"block_uuid": f"2013_{month:02}", "month_name": f"2013-{month:02}"} for month, _ in months],
    ]
