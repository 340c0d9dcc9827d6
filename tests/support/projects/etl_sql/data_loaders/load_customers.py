import json
import os

import pandas as pd
from mage_ai.data_preparation.repo_manager import get_repo_path

if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if 'test' not in globals():
    from mage_ai.data_preparation.decorators import test


@data_loader
def load_data_from_api(*args, **kwargs):
    """Customers as an API would answer them, from a file."""
    with open(os.path.join(get_repo_path(), 'data', 'customers.json')) as response:
        body = json.load(response)
    return pd.json_normalize(body['results'])


@test
def test_output(output, *args) -> None:
    assert output is not None, 'The output is undefined'
