from typing import Dict

if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_data(*args, **kwargs) -> Dict:
    return dict(bonus=7)
