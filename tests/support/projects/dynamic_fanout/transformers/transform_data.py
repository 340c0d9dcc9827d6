if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def transform(data, *args, **kwargs):
    """Shared by a block and its replica, which differ in their input and their configuration."""
    factor = kwargs['configuration'].get('factor', 1)
    return dict(source=data['source'], amount=data['amount'] * factor)
