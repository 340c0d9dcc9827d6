if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_data(*args, **kwargs):
    """A list without items: nothing fans out, and the run still goes on."""
    return [
        [],
        [],
    ]
