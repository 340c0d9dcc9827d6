from nyc.source import read_table

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_airlines(*args, **kwargs):
    """The sixteen airlines: two-letter carrier code and name."""
    return read_table("airlines")
