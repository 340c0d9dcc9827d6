"""Where the exporters write."""

from pathlib import Path

from mage_ai.settings.repo import get_repo_path


def output_folder(variables: dict, *parts: str) -> Path:
    """A folder below the variable `output_dir`, made if it is missing.

    A relative `output_dir` lies in the project. Give an absolute one where the project is read-only.
    """
    folder = Path(get_repo_path(), variables.get("output_dir") or "output", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
