import os

from mage_ai.data_preparation.shared.secrets import get_secret_value

if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_data(*args, **kwargs):
    """Everything that a block may be told from outside. A secret is measured, never shown."""
    token = get_secret_value('warehouse_token')
    return dict(
        greeting=kwargs['greeting'],
        limit=kwargs['limit'],
        nested=kwargs['nested'],
        global_greeting=kwargs.get('greeting'),
        block_variable=kwargs['configuration'].get('block_variable'),
        token_length=len(token),
        day=kwargs['ds'],
        hour=kwargs['hr'],
        year=kwargs['execution_date'].year,
        region=os.getenv('CONTROL_FLOW_REGION', 'nowhere'),
    )
