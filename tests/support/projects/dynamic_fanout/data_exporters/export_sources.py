if 'data_exporter' not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def export_data(first, second, *args, **kwargs):
    return dict(total=first['amount'] + second['amount'], sources=[first['source'], second['source']])
