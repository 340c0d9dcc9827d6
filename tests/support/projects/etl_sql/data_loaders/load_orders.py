from mage_ai.io.file import FileIO
from mage_ai.settings.repo import get_repo_path
from os import path

if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if 'test' not in globals():
    from mage_ai.data_preparation.decorators import test


@data_loader
def load_data_from_file(*args, **kwargs):
    """Orders from a CSV file in the project."""
    filepath = path.join(get_repo_path(), 'data', 'orders.csv')
    return FileIO().load(filepath)


@test
def test_output(output, *args) -> None:
    assert output is not None, 'The output is undefined'
    assert len(output) == 7
