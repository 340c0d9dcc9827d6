from typing import Dict, List

if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_data(*args, **kwargs) -> List[List[Dict]]:
    """Three users, and a name and a region for each of the blocks to come."""
    users = []
    metadata = []

    for i, region in enumerate(['north', 'south', 'west']):
        i += 1
        users.append(dict(id=i, name=f'user_{i}'))
        metadata.append(dict(block_uuid=f'for_user_{i}', region=region))

    return [
        users,
        metadata,
    ]
