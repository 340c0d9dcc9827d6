"""The SDK that block code imports.

It stands on the standard library alone and runs on Python 3.9 and later, because it lives in the user's
environment, not in ours. Names are loaded when first asked for, so that a light block pays for nothing else.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from penstock.decorators import (
        callback,
        condition,
        custom,
        data_exporter,
        data_loader,
        on_failure,
        on_success,
        sensor,
        test,
        transformer,
    )
    from penstock.session import get_repo_path, get_secret_value
    from penstock.triggers import trigger_pipeline

__version__ = "0.1.0"

_HOMES = {
    "callback": "decorators",
    "condition": "decorators",
    "custom": "decorators",
    "data_exporter": "decorators",
    "data_loader": "decorators",
    "on_failure": "decorators",
    "on_success": "decorators",
    "sensor": "decorators",
    "test": "decorators",
    "transformer": "decorators",
    "get_repo_path": "session",
    "get_secret_value": "session",
    "trigger_pipeline": "triggers",
}

__all__ = [
    "__version__",
    "callback",
    "condition",
    "custom",
    "data_exporter",
    "data_loader",
    "get_repo_path",
    "get_secret_value",
    "on_failure",
    "on_success",
    "sensor",
    "test",
    "transformer",
    "trigger_pipeline",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module; AttributeError for any other."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"penstock.{home}"), name)
    globals()[name] = value
    return value
