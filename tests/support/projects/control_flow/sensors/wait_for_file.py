import os

from mage_ai.settings.repo import get_repo_path

if 'sensor' not in globals():
    from mage_ai.data_preparation.decorators import sensor


def note(line):
    folder = os.path.join(get_repo_path(), 'output')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'asked.txt'), 'a') as file:
        file.write(line + '\n')


@sensor
def check_condition(*args, **kwargs) -> bool:
    """True once somebody has put a file called `ready` into the project."""
    note('asked')
    return os.path.exists(os.path.join(get_repo_path(), 'ready'))
