import os

from mage_ai.settings.repo import get_repo_path

if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


def note(line):
    folder = os.path.join(get_repo_path(), 'output')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'flaky_attempts.txt'), 'a') as file:
        file.write(line + '\n')


@transformer
def transform(data, *args, **kwargs):
    """Fails twice, then works."""
    note('attempt')
    with open(os.path.join(get_repo_path(), 'output', 'flaky_attempts.txt')) as file:
        attempts = len(file.readlines())
    if attempts < 3:
        raise ConnectionError(f'attempt {attempts} meets a closed door')
    return dict(total=sum(data['numbers']), attempts=attempts)
