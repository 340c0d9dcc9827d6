if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer
if 'test' not in globals():
    from mage_ai.data_preparation.decorators import test


@transformer
def transform(data, *args, **kwargs):
    """Paid orders that have an amount, in whole cents."""
    wanted = data[(data['state'] == kwargs['state']) & data['amount'].notna()]
    wanted = wanted.assign(cents=(wanted['amount'] * 100).round().astype('int64'))
    return wanted[['order_id', 'customer_id', 'cents']].reset_index(drop=True)


@test
def test_output(output, *args) -> None:
    assert (output['cents'] > 0).all(), 'An order without a price'
