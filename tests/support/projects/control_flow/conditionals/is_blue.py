if 'condition' not in globals():
    from mage_ai.data_preparation.decorators import condition


@condition
def evaluate_condition(choice, *args, **kwargs) -> bool:
    return choice['pill'] == 'blue'
