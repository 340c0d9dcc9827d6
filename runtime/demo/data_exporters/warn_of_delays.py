from nyc.outputs import output_folder

if "data_exporter" not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def warn_of_delays(readings, *args, **kwargs):
    """A line in output/warnings.txt. The conditional `weather_is_bad` decides whether this runs at all."""
    bad = readings[(readings["precip"] > 0) | (readings["visib"] < 3)]
    warning = f"{readings['hour'].iloc[0]:%d %B, %H:00} UTC: expect delays at {', '.join(bad['origin'])}"
    kwargs["logger"].warning(warning)
    path = output_folder(kwargs) / "warnings.txt"
    lines = set(path.read_text().splitlines()) if path.exists() else set()
    path.write_text("\n".join(sorted(lines | {warning})) + "\n")
    return {"warning": warning}
