"""Tables as Arrow IPC files, compressed with LZ4 where the build has it; no table library is imported before it is met.

A pandas frame keeps its index and dtypes. One that Arrow would change (objects that are no text, date or number,
nested values, repeated column names) is not written here: the caller pickles it. Missing values of a text column come
back as missing, whatever marked them. Large frames are converted and written a slice at a time, and come back column
by column, so that a frame is never held twice.
"""

from __future__ import annotations

import sys

from penstock.samples import table_sample

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PANDAS_KINDS = ("pandas.DataFrame", "pandas.Series")
_POLARS = ("polars.DataFrame", "polars.LazyFrame")
_ARROW = ("pyarrow.Table", "pyarrow.RecordBatch", "pyarrow.RecordBatchReader")
SLICE_BYTES = 64 << 20


def pandas_kind(value: Any) -> str | None:
    """`pandas.DataFrame` or `pandas.Series` for exactly these, else None."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    kind = type(value)
    if kind is getattr(pandas, "DataFrame", None):
        return "pandas.DataFrame"
    return "pandas.Series" if kind is getattr(pandas, "Series", None) else None


def kind_of(value: Any) -> str | None:
    """The name of a table's type (`pandas.DataFrame`, `polars.LazyFrame`, `pyarrow.Table` …), None for no table."""
    if pandas_kind(value) == "pandas.DataFrame":
        return "pandas.DataFrame"
    kind = type(value)
    for name in (*_POLARS, *_ARROW):
        library = sys.modules.get(name.partition(".")[0])
        if library is not None and kind is getattr(library, name.partition(".")[2], None):
            return name
    return None


def write(value: Any, kind: str, sink: Any) -> bool:
    """Write a table as an Arrow IPC file; False when Arrow cannot give this pandas frame back as it is."""
    if kind in _POLARS:
        frame = value.collect() if kind == "polars.LazyFrame" else value
        frame.write_ipc(sink, compression="lz4")
        return True
    if kind in _ARROW:
        _write_arrow(value, kind, sink)
        return True
    return _write_pandas(value, sink)


def _ipc_writer(sink: Any, schema: Any) -> Any:
    import pyarrow as pa

    compression = "lz4" if pa.Codec.is_available("lz4") else None
    options = pa.ipc.IpcWriteOptions(compression=compression)
    return pa.ipc.new_file(pa.PythonFile(sink, mode="w"), schema, options=options)


def _write_arrow(value: Any, kind: str, sink: Any) -> None:
    with _ipc_writer(sink, value.schema) as writer:
        if kind == "pyarrow.RecordBatchReader":
            for batch in value:
                writer.write_batch(batch)
        elif kind == "pyarrow.RecordBatch":
            writer.write_batch(value)
        else:
            writer.write_table(value)


def _write_pandas(frame: Any, sink: Any) -> bool:
    import pyarrow as pa

    if not frame.columns.is_unique:
        return False
    try:
        size = int(frame.memory_usage(index=False).sum())
        if size <= SLICE_BYTES:
            table = pa.Table.from_pandas(frame)
            if not _faithful(frame, table.schema):
                return False
            with _ipc_writer(sink, table.schema) as writer:
                writer.write_table(table)
            return True
        schema = pa.Schema.from_pandas(frame)
        if not _faithful(frame, schema):
            return False
        _write_slices(frame, schema, max(1, len(frame) * SLICE_BYTES // size), sink)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # Arrow has no type for some column (or not one that fits all of it).
        return False
    return True


def _write_slices(frame: Any, schema: Any, rows: int, sink: Any) -> None:
    import pyarrow as pa

    with _ipc_writer(sink, schema) as writer:
        for start in range(0, len(frame), rows):
            writer.write_batch(pa.RecordBatch.from_pandas(frame.iloc[start : start + rows], schema=schema))


def _faithful(frame: Any, schema: Any) -> bool:
    """Whether the object columns come back as they are: text, bytes, dates, times, decimals, or nothing at all."""
    import pyarrow as pa

    types = pa.types
    checks = (
        types.is_string,
        types.is_large_string,
        types.is_binary,
        types.is_large_binary,
        types.is_date32,
        types.is_time,
        types.is_decimal,
        types.is_null,
    )
    for position, dtype in enumerate(frame.dtypes):
        if dtype.kind == "O" and _is_object(dtype) and not any(check(schema.field(position).type) for check in checks):
            return False
    return True


def _is_object(dtype: Any) -> bool:
    """Whether a dtype is NumPy's object: extension dtypes such as pandas' own text have the same kind."""
    return type(dtype).__module__.partition(".")[0] == "numpy"


def describe(value: Any, kind: str) -> dict[str, Any]:
    """`rows`, `columns` (name and type) and `sample` of a table that is in memory."""
    if kind == "pandas.Series":
        value = value.to_frame()
    if kind.startswith("pandas"):
        columns = [{"name": str(name), "type": str(dtype)} for name, dtype in value.dtypes.items()]
        rows: Any = value.head(100).itertuples(index=False, name=None)
        return {"rows": len(value), "columns": columns, "sample": table_sample(list(value.columns), rows)}
    if kind == "pyarrow.RecordBatchReader":
        return {"columns": _fields(value.schema)}
    if kind == "polars.LazyFrame":
        return {"columns": [{"name": name, "type": str(t)} for name, t in value.collect_schema().items()]}
    if kind == "polars.DataFrame":
        columns = [{"name": name, "type": str(t)} for name, t in value.schema.items()]
        return {"rows": value.height, "columns": columns, "sample": table_sample(value.columns, value.head(100).rows())}
    head = value.slice(0, 100).to_pydict()
    rows = zip(*head.values())
    return {"rows": value.num_rows, "columns": _fields(value.schema), "sample": table_sample(list(head), rows)}


def _fields(schema: Any) -> list[dict[str, str]]:
    return [{"name": field.name, "type": str(field.type)} for field in schema]


def read(path: str, kind: str) -> Any:
    """The table of an Arrow IPC file, as the type it was written from; a pandas frame may be written to."""
    if kind in _POLARS:
        import polars as pl

        frame = pl.read_ipc(path)
        return frame.lazy() if kind == "polars.LazyFrame" else frame
    import pyarrow as pa

    with pa.OSFile(path) as source:
        table = pa.ipc.open_file(source).read_all()
    if kind == "pyarrow.RecordBatch":
        batches = table.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
    if kind == "pyarrow.RecordBatchReader":
        return table.to_reader()
    return to_pandas(table) if kind == "pandas.DataFrame" else table


def to_pandas(table: Any) -> Any:
    """A pandas frame that owns its memory. A large table is given up column by column as it is converted."""
    if table.nbytes <= SLICE_BYTES:
        return table.to_pandas().copy()
    # Several record batches a column: each is copied together into writable memory, then freed.
    return table.to_pandas(split_blocks=True, self_destruct=True)


def read_parquet(path: str, kind: str) -> Any:
    """The table of a Parquet file or of a folder of them, as the type it was written from."""
    if kind in _POLARS:
        import polars as pl

        return pl.read_parquet(path)
    from pyarrow import parquet

    table = parquet.read_table(path)
    return table if kind in _ARROW else to_pandas(table)


def read_row(path: str, index: int) -> dict[str, Any]:
    """Row `index` of an Arrow IPC file as a dict, without reading the rest of the table into memory."""
    import pyarrow as pa

    with pa.OSFile(path) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            if index < batch.num_rows:
                row = pa.Table.from_batches([batch.slice(index, 1)])
                frame = row.to_pandas() if (row.schema.metadata or {}).get(b"pandas") else None
                return dict(row.to_pylist()[0]) if frame is None else dict(frame.iloc[0].to_dict())
            index -= batch.num_rows
    raise IndexError(index)
