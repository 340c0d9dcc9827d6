from typing import Dict

if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def transform(data: Dict, bonus: Dict, *args, **kwargs) -> Dict:
    """A child of a child, with an ordinary input beside it."""
    return dict(label=f"{data['name']}@{data['region']}", points=data['id'] + bonus['bonus'])
