import pandas as pd

if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@transformer
def join_months(months, *args, **kwargs):
    """The twelve tables of figures as one, for everything that follows."""
    return pd.concat(months, ignore_index=True)


@test
def test_twelve_months_came_back(figures, *args) -> None:
    assert sorted(figures["month"].unique()) == list(range(1, 13))
