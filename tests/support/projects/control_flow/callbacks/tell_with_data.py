import os

from mage_ai.settings.repo import get_repo_path

if 'callback' not in globals():
    from mage_ai.data_preparation.decorators import callback


def note(line):
    folder = os.path.join(get_repo_path(), 'output')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'callbacks.txt'), 'a') as file:
        file.write(line + '\n')


@callback('success')
def on_success(parent_block_data, **kwargs):
    note(f"success with {parent_block_data['numbers']}")


@callback('failure')
def on_failure(parent_block_data, **kwargs):
    note('failure of load_numbers, which never fails')
