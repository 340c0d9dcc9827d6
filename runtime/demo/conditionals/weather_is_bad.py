if "condition" not in globals():
    from mage_ai.data_preparation.decorators import condition


@condition
def weather_is_bad(readings, *args, **kwargs) -> bool:
    """Rain, snow or fog at any of the airports. A conditional gets the inputs of the block that it guards."""
    return bool(((readings["precip"] > 0) | (readings["visib"] < 3)).any())
