import json

from nyc.outputs import output_folder

if "data_exporter" not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def save_hour(readings, *args, **kwargs):
    """One small JSON file for each hour. The same hour again writes the same file, so a retry does no harm."""
    hour = readings["hour"].iloc[0]
    report = {
        "hour": hour.isoformat(),
        "airports": {
            row.origin: {
                "celsius": round((row.temp - 32) / 1.8, 1),
                "wind_kmh": round(row.wind_speed * 1.609344, 1),
                "rain_mm": round(row.precip * 25.4, 1),
                "visibility_km": round(row.visib * 1.609344, 1),
            }
            for row in readings.itertuples()
        },
    }
    path = output_folder(kwargs, "weather") / f"{hour:%m-%d_%H}.json"
    path.write_text(json.dumps(report, indent=2))
    return report
