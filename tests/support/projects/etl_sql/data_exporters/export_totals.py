from mage_ai.io.file import FileIO
from mage_ai.settings.repo import get_repo_path
from os import path

if 'data_exporter' not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def export_data_to_file(df, *args, **kwargs):
    """Totals as a CSV file beside the data."""
    filepath = path.join(get_repo_path(), 'data', f"totals_{kwargs['suffix']}.csv")
    FileIO().export(df, filepath)
