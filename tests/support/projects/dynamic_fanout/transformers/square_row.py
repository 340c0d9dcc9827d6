if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def transform(row, *args, **kwargs):
    """A row of a table arrives as a dict of its columns."""
    return dict(word=row['word'], square=int(row['n']) ** 2)
