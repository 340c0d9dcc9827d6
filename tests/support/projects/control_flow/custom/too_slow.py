import time

if 'custom' not in globals():
    from mage_ai.data_preparation.decorators import custom


@custom
def transform_custom(*args, **kwargs):
    """Takes far longer than its `timeout` of one second."""
    time.sleep(300)
    return dict(done=True)
