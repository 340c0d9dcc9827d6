from nyc.source import read_table

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_airports(*args, **kwargs):
    """Airports by their three-letter code, to name a destination."""
    airports = read_table("airports", usecols=["faa", "name", "lat", "lon"])
    return airports.rename(columns={"faa": "dest", "name": "dest_name", "lat": "dest_lat", "lon": "dest_lon"})
