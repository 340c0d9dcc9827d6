import pandas as pd

if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_data(*args, **kwargs):
    """A table fans out too: each row is one item."""
    return [pd.DataFrame(dict(n=[2, 3, 5, 7], word=['two', 'three', 'five', 'seven']))]
