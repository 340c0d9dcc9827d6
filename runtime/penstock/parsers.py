"""Values as JSON, the way `mage_ai.shared.parsers` offers it to block code."""

from __future__ import annotations

from enum import Enum
from typing import Any

SAMPLE_ITEMS = 20


def encode_complex(obj: Any) -> Any:
    """A `default` for json.dumps: sets, enums, dates, NumPy and pandas values as plain ones, others unchanged."""
    if isinstance(obj, (set, frozenset)):
        return list(obj)
    if isinstance(obj, Enum):
        return obj.value
    if hasattr(obj, "isoformat"):
        return obj.isoformat()
    if isinstance(obj, complex):
        return {"real": obj.real, "imag": obj.imag}
    module = type(obj).__module__.partition(".")[0]
    if module == "pandas":
        return _encode_pandas(obj)
    if module == "numpy" and hasattr(obj, "tolist"):
        value = obj.tolist()
        return {"real": value.real, "imag": value.imag} if isinstance(value, complex) else value
    return obj.to_dict() if hasattr(obj, "to_dict") else obj


def _encode_pandas(obj: Any) -> Any:
    if hasattr(obj, "columns"):
        return obj.to_dict(orient="records")
    return obj.to_list() if hasattr(obj, "to_list") else obj


def convert_matrix_to_dataframe(obj: Any) -> Any:
    """A matrix as a pandas frame with text column names; a sparse one is made dense."""
    import pandas as pd

    dense = obj.toarray() if hasattr(obj, "toarray") else obj
    frame = pd.DataFrame(dense)
    frame.columns = [str(name) for name in frame.columns]
    return frame


def sample_output(obj: Any) -> tuple[Any, bool]:
    """A value with its lists cut to 20 items, and whether anything was cut."""
    if isinstance(obj, list):
        pairs = [sample_output(item) for item in obj[:SAMPLE_ITEMS]]
        cut = len(obj) > SAMPLE_ITEMS or any(was_cut for _, was_cut in pairs)
        return [item for item, _ in pairs], cut
    if isinstance(obj, dict):
        inner = {key: sample_output(value) for key, value in obj.items()}
        return {key: value for key, (value, _) in inner.items()}, any(was_cut for _, was_cut in inner.values())
    return obj, False
