from nyc.source import read_table

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@data_loader
def load_planes(*args, **kwargs):
    """The aircraft by tail number: who made it, when, and how many seats it has."""
    planes = read_table("planes", usecols=["tailnum", "year", "manufacturer", "model", "seats"])
    return planes.rename(columns={"year": "built"})


@test
def test_tail_numbers_are_unique(planes, *args) -> None:
    assert planes["tailnum"].is_unique
