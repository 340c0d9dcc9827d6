from nyc.outputs import output_folder

if "callback" not in globals():
    from mage_ai.data_preparation.decorators import callback


@callback("failure")
def note_failure(*args, **kwargs):
    """Runs when its block failed for good. A real project would page somebody here."""
    line = f"{kwargs.get('execution_date')}: run {kwargs.get('pipeline_run_id')} of hourly_weather failed\n"
    with (output_folder(kwargs) / "failures.txt").open("a") as file:
        file.write(line)
