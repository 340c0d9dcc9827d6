"""Outputs of blocks on their way to the next block: each value in the plainest format that gives it back as it was.

JSON values (exact types only: a tuple inside is not JSON, nor is NaN) are JSON; pandas, polars and Arrow tables are
Arrow IPC files; NumPy arrays are `.npy`; anything else is pickled by value with cloudpickle and marked so. A file is
written under a temporary name, hashed as it is written, then renamed. Small values stay inside the description.
"""

from __future__ import annotations

import json
import os
import sys

from penstock import tables
from penstock.errors import OutputError, message_of
from penstock.files import HashingFile, sha256_of
from penstock.samples import sample_of, sample_of_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Output = dict[str, Any]

INLINE_BYTES = 32_768
SAMPLES_BYTES = 2**20
"""What the samples of all outputs of a block run may hold together; an output beyond that has none."""
_SCALARS = (str, int, float, bool, type(None))
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def is_json(value: Any) -> bool:
    """Whether JSON gives this value back exactly: plain types, string keys, finite numbers, no subclass."""
    kind = type(value)
    if kind is float:
        return bool(value - value == 0.0)
    if kind in _SCALARS:
        return True
    if kind is list:
        return all(map(is_json, value))
    if kind is dict:
        return all(type(key) is str for key in value) and all(map(is_json, value.values()))
    return False


class Writer:
    """Writes the outputs of one block run into a folder.

    `inline_bytes` is what all its outputs together may hold in their descriptions; what does not fit goes to a file
    named after the output, below `folder` (created when first needed). The `file` of a description is relative to
    `root`. Raises OutputError for a value that no format can hold, OSError when the disk refuses.
    """

    def __init__(self, root: str, subfolder: str = "", inline_bytes: int = INLINE_BYTES) -> None:
        self._root = root
        self._subfolder = subfolder
        self._left = inline_bytes
        self._samples_left = SAMPLES_BYTES
        self.used_tables = False

    def write(self, name: str, value: Any) -> Output:
        """Store one value; gives its description (an OUTPUT of the child protocol)."""
        output = self._write(name, value)
        if output["sample"] is not None:
            self._samples_left -= len(_encode(output["sample"]))
            if self._samples_left < 0:
                output["sample"] = None
        return output

    def _write(self, name: str, value: Any) -> Output:
        text = _json_text(value)
        if text is not None:
            return self._write_json(name, value, text)
        kind = tables.kind_of(value)
        if kind is not None:
            self.used_tables = True
            output = self._write_file(name, "arrow", lambda sink: tables.write(value, kind, sink))
            if output is not None:
                return {**output, "type": kind, **tables.describe(value, kind)}
        return self._write_opaque(name, value)

    def write_items(self, name: str, values: Sequence[Any]) -> Output:
        """Store the list of a dynamic block, so that one item can be read alone: JSON whole, else one file an item."""
        if _json_text(values) is not None:
            return self.write(name, values)
        writer = Writer(self._root, os.path.join(self._subfolder, name), inline_bytes=0)
        items = [writer.write(f"{number:04d}", value) for number, value in enumerate(values)]
        # There may be very many: what people look at is taken from the list's own sample.
        items = [{**item, "sample": None, "columns": None} for item in items]
        self.used_tables |= writer.used_tables
        return {
            **_description(name, "items", "list"),
            "bytes": sum([item["bytes"] for item in items]),
            "sha256": sha256_of("".join([item["sha256"] for item in items]).encode()),
            "file": os.path.join(self._subfolder, name),
            "rows": len(items),
            "sample": sample_of_items(items),
            "items": items,
        }

    def _write_json(self, name: str, value: Any, text: str) -> Output:
        data = text.encode("ascii")
        output = _description(name, "json", "json")
        output["rows"] = len(value) if type(value) is list else None
        # NUL and lone surrogates are JSON, but no database text: such values stay out of the description.
        awkward = "\\u0000" in text or "\\ud" in text
        if len(data) <= self._left and not awkward:
            self._left -= len(data)
            output.update(bytes=len(data), sha256=sha256_of(data), inline=value)
            return output
        stored = self._write_file(name, "json", lambda sink: sink.write(data) >= 0)
        return {**output, **(stored or {}), "type": "json", "rows": output["rows"], "sample": sample_of(value)}

    def _write_opaque(self, name: str, value: Any) -> Output:
        writer, form, kind = _opaque_writer(value)
        pandas = kind in tables.PANDAS_KINDS
        self.used_tables |= pandas
        extra = {"type": kind, **(tables.describe(value, kind) if pandas else {"sample": sample_of(value)})}
        data = writer.small(value) if self._left else None
        if data is not None and len(data) * 4 // 3 + 4 <= self._left:
            from base64 import b64encode

            text = b64encode(data).decode("ascii")
            self._left -= len(text)
            output = _description(name, form, kind)
            return {**output, "bytes": len(data), "sha256": sha256_of(data), "inline": text, **extra}
        stored = self._write_file(name, form, lambda sink: writer.dump(value, sink))
        return {**(stored or {}), **extra}

    def _write_file(self, name: str, form: str, dump: Callable[[HashingFile], bool]) -> Output | None:
        """Run `dump` into a temporary file and rename it; None, and no file, when it answers False."""
        folder = os.path.join(self._root, self._subfolder)
        os.makedirs(folder, exist_ok=True)
        file_name = f"{name}.{'pickle' if form == 'cloudpickle' else form}"
        temporary = os.path.join(folder, f".{file_name}.{os.getpid()}")
        try:
            with HashingFile(temporary) as sink:
                fits = dump(sink)
            if not fits:
                return None
            os.replace(temporary, os.path.join(folder, file_name))
        finally:
            if os.path.lexists(temporary):
                os.unlink(temporary)
        output = _description(name, form, form)
        output.update(bytes=sink.size, sha256=sink.hexdigest(), file=os.path.join(self._subfolder, file_name))
        return output


def _description(name: str, form: str, kind: str) -> Output:
    return {
        "name": name,
        "format": form,
        "type": kind,
        "bytes": 0,
        "sha256": "",
        "inline": None,
        "file": None,
        "rows": None,
        "columns": None,
        "sample": None,
    }


def _json_text(value: Any) -> str | None:
    if type(value) not in (str, int, float, bool, type(None), list, dict):
        return None
    try:
        if is_json(value):
            return _encode(value)
    except (RecursionError, ValueError):
        # A value that holds itself, or one nested deeper than JSON can go: the pickle below may still manage.
        return None
    return None


class _Npy:
    """A NumPy array that holds no Python objects."""

    @staticmethod
    def small(value: Any) -> bytes | None:
        if value.nbytes > INLINE_BYTES:
            return None
        import io

        buffer = io.BytesIO()
        sys.modules["numpy"].save(buffer, value, allow_pickle=False)
        return buffer.getvalue()

    @staticmethod
    def dump(value: Any, sink: HashingFile) -> bool:
        sys.modules["numpy"].save(sink, value, allow_pickle=False)
        return True


class _Pickle:
    """Anything else, by value: functions and classes of the block's own file go along."""

    @staticmethod
    def small(value: Any) -> bytes | None:
        from penstock.pickling import LimitedBuffer, LimitReached, dump

        buffer = LimitedBuffer(INLINE_BYTES)
        try:
            dump(value, buffer)
        except LimitReached:
            return None
        return bytes(buffer.data)

    @staticmethod
    def dump(value: Any, sink: HashingFile) -> bool:
        from penstock.pickling import dump

        dump(value, sink)
        return True


def _opaque_writer(value: Any) -> tuple[Any, str, str]:
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject:
        return _Npy, "npy", "numpy.ndarray"
    kind = tables.pandas_kind(value)
    return _Pickle, "cloudpickle", kind or "python"


def read(output: Output) -> Any:
    """The value of an OUTPUT; a file is named by its absolute `path`.

    Raises OutputError naming the output when its file is missing, cut short, or cannot be read in this environment.
    """
    path = output.get("path") or output.get("file")
    if path is None:
        return _read_inline(output)
    form = output["format"]
    try:
        if form == "items":
            return [read(item) for item in items_of(output)]
        size = os.path.getsize(path)
        if size != output["bytes"] and not os.path.isdir(path):
            raise OutputError(f"{output['name']}: {path} has {size} bytes where {output['bytes']} were written")
        return _READERS[form](path, output["type"])
    except (OSError, ImportError, AttributeError) as error:
        raise OutputError(f"{output['name']} ({form}) cannot be read: {message_of(error)}") from error


def items_of(output: Output) -> list[Output]:
    """The OUTPUTs of the single items of a list stored item by item, with absolute paths."""
    folder = output["path"]
    return [{**item, "path": os.path.join(folder, os.path.basename(item["file"]))} for item in output["items"]]


def read_item(output: Output, index: int) -> Any:
    """Item `index` of a dynamic block's stored list: a list's element, or a table's row as a dict."""
    if output["format"] == "items":
        # An instance may be sent its own item alone; `items_from` says where that stands in the list.
        return read(items_of(output)[index - output.get("items_from", 0)])
    if output["format"] == "arrow":
        return tables.read_row(output["path"], index)
    value = read(output)
    if tables.pandas_kind(value) == "pandas.DataFrame":
        return value.iloc[index].to_dict()
    return value[index]


def _read_inline(output: Output) -> Any:
    if output["format"] == "json":
        return output["inline"]
    from base64 import b64decode
    from io import BytesIO

    source = BytesIO(b64decode(output["inline"]))
    if output["format"] == "npy":
        import numpy as np

        return np.load(source, allow_pickle=False)
    from penstock.pickling import load

    return load(source)


def _read_json(path: str, _kind: str) -> Any:
    with open(path, "rb") as source:
        return json.load(source)


def _read_text(path: str, _kind: str) -> str:
    with open(path, encoding="utf-8") as source:
        return source.read()


def _read_npy(path: str, _kind: str) -> Any:
    import numpy as np

    return np.load(path, allow_pickle=False)


def _read_pickle(path: str, _kind: str) -> Any:
    from penstock.pickling import load

    with open(path, "rb") as source:
        return load(source)


_READERS: dict[str, Callable[[str, str], Any]] = {
    "json": _read_json,
    "text": _read_text,
    "npy": _read_npy,
    "cloudpickle": _read_pickle,
    "arrow": tables.read,
    "parquet": tables.read_parquet,
}
