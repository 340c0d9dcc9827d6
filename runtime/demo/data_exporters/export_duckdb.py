import duckdb
import pandas as pd
from nyc.outputs import output_folder

if "data_exporter" not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def export_duckdb(figures, ranking, summary, report, *args, **kwargs):
    """Three tables in one DuckDB file: the figures, the months, the ranking of the airlines."""
    tables = {
        "delay_figures": figures,
        "monthly_summary": pd.DataFrame(summary["months"]),
        "airline_ranking": ranking,
    }
    path = output_folder(kwargs) / "flights.duckdb"
    with duckdb.connect(str(path)) as database:
        database.begin()  # all three tables or none
        for name, table in tables.items():
            database.register("incoming", table)
            database.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
            database.unregister("incoming")
        database.commit()
    kwargs["logger"].info(f"published {report['flights_counted']:,} flights to {path}")
    return {name: len(table) for name, table in tables.items()}
