"""Frames in files: CSV, JSON, Parquet and the other formats that pandas reads."""

from __future__ import annotations

import os
from typing import Any

from penstock.io.formats import FileFormat, need, pandas_for

_SUFFIXES = {
    "csv": "csv", "json": "json", "jsonl": "jsonl", "parquet": "parquet", "orc": "orc", "feather": "feather",
    "h5": "hdf5", "hdf5": "hdf5", "xml": "xml", "xls": "excel", "xlsx": "excel",
}  # fmt: skip
_PARQUET = ("parquet", "orc", "feather")


def format_of(path: str, given: Any = None) -> str:
    """The format of a file, as given or by its suffix. Raises ValueError naming the known ones."""
    name = str(getattr(given, "value", given)) if given else _SUFFIXES.get(path.rpartition(".")[2].lower(), "")
    if name not in [item.value for item in FileFormat]:
        known = ", ".join(sorted([item.value for item in FileFormat]))
        raise ValueError(f"the format of {path!r} is not known: give `format`, one of {known}")
    return name


def read_frame(source: Any, form: str, **options: Any) -> Any:
    """A frame from a path or an open binary file."""
    pandas = pandas_for(f"reading {form}")
    if form == "jsonl":
        return pandas.read_json(source, lines=True, **options)
    if form in _PARQUET:
        need("pyarrow", "pyarrow", f"reading {form}")
    return getattr(pandas, "read_hdf" if form == "hdf5" else f"read_{form}")(source, **options)


def write_frame(frame: Any, target: Any, form: str, **options: Any) -> None:
    """Write a frame to a path or an open binary file; CSV without the index unless asked for."""
    if not hasattr(frame, "to_csv"):
        frame = frame.to_pandas() if hasattr(frame, "to_pandas") else pandas_for("writing files").DataFrame(frame)
    if form == "csv":
        options.setdefault("index", False)
        frame.to_csv(target, **options)
    elif form == "jsonl":
        frame.to_json(target, orient="records", lines=True, **options)
    elif form == "hdf5":
        frame.to_hdf(target, key=options.pop("key", "data"), **options)
    else:
        getattr(frame, f"to_{form}")(target, **options)


class BaseIO:
    """What every reader and writer has."""

    def __init__(self, verbose: bool = True, **_settings: Any) -> None:  # noqa: FBT001, FBT002
        self.verbose = verbose


class FileIO(BaseIO):
    """Files of the machine that the block runs on; a relative path starts at the project's folder."""

    @classmethod
    def with_config(cls, _config: Any = None, **settings: Any) -> FileIO:
        """Needs nothing of a profile."""
        return cls(**settings)

    def load(self, filepath: Any, format: Any = None, limit: int | None = None, **options: Any) -> Any:
        """A frame from a file; the format comes from the suffix unless given."""
        path = os.fspath(filepath)
        frame = read_frame(path, format_of(path, format), **options)
        return frame if limit is None else frame.head(limit)

    def export(self, df: Any, filepath: Any, format: Any = None, **options: Any) -> None:
        """Write a frame to a file, making its folder."""
        path = os.fspath(filepath)
        form = format_of(path, format)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        write_frame(df, path, form, **options)

    def exists(self, filepath: Any) -> bool:
        """Whether a file is there."""
        return os.path.exists(filepath)


BaseFile = FileIO
