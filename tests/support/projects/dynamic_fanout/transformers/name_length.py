from typing import Dict, List

if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def transform(data: Dict, *args, **kwargs) -> List[Dict]:
    data['length'] = len(data['name'])
    return [data]
