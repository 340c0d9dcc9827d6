from nyc.chart import draw_delays
from nyc.outputs import output_folder

if "data_exporter" not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def export_chart(figures, *args, **kwargs):
    """output/delays.png: mean departure delay by month, and by hour and airport."""
    path = output_folder(kwargs) / "delays.png"
    draw_delays(figures).savefig(path)
    return {"chart": path.name, "bytes": path.stat().st_size}
