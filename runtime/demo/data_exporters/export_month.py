from nyc.outputs import output_folder

if "data_exporter" not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def export_month(joined, *args, **kwargs):
    """One Parquet file for each month, in folders that DuckDB, Spark and pandas read as one table."""
    month = int(joined["month"].iloc[0])
    folder = output_folder(kwargs, "flights", f"month={month}")
    part, path = folder / "flights.parquet.part", folder / "flights.parquet"
    joined.drop(columns="month").to_parquet(part, index=False)
    part.replace(path)  # a reader sees the old file or the new one, never half of one
    return {"month": month, "rows": len(joined), "bytes": path.stat().st_size}
