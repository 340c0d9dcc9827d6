import os

from mage_ai.settings.repo import get_repo_path

if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


def note(line):
    folder = os.path.join(get_repo_path(), 'output')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'failing_attempts.txt'), 'a') as file:
        file.write(line + '\n')


@transformer
def transform(data, *args, **kwargs):
    note('attempt')
    raise ValueError('this block never works')
