"""The words that readers and writers share: policies, file formats, and how a missing library is reported."""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from typing import Any

QUERY_ROW_LIMIT = 10_000_000


class DataSource(str, Enum):
    """Kinds of sources, by the names that a SQL block's `data_provider` uses."""

    AZURE_BLOB_STORAGE = "azure_blob_storage"
    BIGQUERY = "bigquery"
    DUCKDB = "duckdb"
    FILE = "file"
    GOOGLE_CLOUD_STORAGE = "google_cloud_storage"
    MYSQL = "mysql"
    POSTGRES = "postgres"
    REDSHIFT = "redshift"
    S3 = "s3"
    SNOWFLAKE = "snowflake"
    SQLITE = "sqlite"


class ExportWritePolicy(str, Enum):
    """What to do when the table is there already."""

    APPEND = "append"
    FAIL = "fail"
    REPLACE = "replace"


class FileFormat(str, Enum):
    """File formats, by suffix."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ORC = "orc"
    FEATHER = "feather"
    HDF5 = "hdf5"
    XML = "xml"
    EXCEL = "excel"


class MissingRequirement(ImportError):
    """A library that this source needs is not in the block's environment; the message names the requirement to add."""


def need(module: str, requirement: str, what: str) -> Any:
    """Import a driver. Raises MissingRequirement naming what to put into requirements.txt."""
    try:
        return import_module(module)
    except ImportError as error:
        message = f"{what} needs the package {requirement!r}: add it to the project's requirements.txt"
        raise MissingRequirement(message, name=module) from error


def pandas_for(what: str) -> Any:
    """pandas, which every reader and writer gives and takes."""
    return need("pandas", "pandas", what)


def policy(value: Any) -> str:
    """`append`, `fail` or `replace`. Raises ValueError naming these for anything else."""
    text = str(getattr(value, "value", value)).lower()
    if text not in ("append", "fail", "replace"):
        raise ValueError(f"if_exists is {text!r}: it must be append, fail or replace")
    return text
