"""Imports of `mage_ai` names, answered by the SDK, so that a project written for Mage runs where Mage is not installed.

Each supported module is listed with what it exports and where that lives. A module is made when it is imported, a
name is loaded when it is first asked for. What is not listed is an ImportError that says so; nothing is half there.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_DECORATORS = "callback condition custom data_exporter data_loader on_failure on_success sensor test transformer"
_FORMATS = "DataSource ExportWritePolicy FileFormat QUERY_ROW_LIMIT"

# module below mage_ai: {module of ours: names}
SUPPORTED: dict[str, dict[str, str]] = {
    "data_preparation": {},
    "data_preparation.decorators": {"penstock.decorators": _DECORATORS},
    "data_preparation.repo_manager": {"penstock.session": "get_repo_path"},
    "data_preparation.shared": {},
    "data_preparation.shared.secrets": {"penstock.session": "get_secret_value"},
    "settings": {},
    "settings.repo": {"penstock.session": "get_repo_path"},
    "io": {},
    "io.config": {"penstock.io.config": "ConfigFileLoader ConfigKey"},
    "io.base": {
        "penstock.io.formats": _FORMATS,
        "penstock.io.files": "BaseFile BaseIO",
        "penstock.io.database": "BaseSQL BaseSQLConnection BaseSQLDatabase",
    },
    "io.sql": {"penstock.io.database": "BaseSQL"},
    "io.file": {"penstock.io.files": "FileIO"},
    "io.postgres": {"penstock.io.postgres": "Postgres"},
    "io.mysql": {"penstock.io.mysql": "MySQL"},
    "io.duckdb": {"penstock.io.duckdb": "DuckDB"},
    "io.s3": {"penstock.io.object_stores": "S3"},
    "io.google_cloud_storage": {"penstock.io.object_stores": "GoogleCloudStorage"},
    "io.azure_blob_storage": {"penstock.io.object_stores": "AzureBlobStorage"},
    "io.bigquery": {"penstock.io.bigquery": "BigQuery"},
    "io.snowflake": {"penstock.io.snowflake": "Snowflake"},
    "io.redshift": {"penstock.io.redshift": "Redshift"},
    "orchestration": {},
    "orchestration.triggers": {},
    "orchestration.triggers.api": {"penstock.triggers": "trigger_pipeline"},
    "data_cleaner": {},
    "data_cleaner.transformer_actions": {},
    "data_cleaner.transformer_actions.base": {"penstock.cleaning.actions": "BaseAction"},
    "data_cleaner.transformer_actions.constants": {"penstock.cleaning.names": "ActionType Axis ImputationStrategy"},
    "data_cleaner.transformer_actions.utils": {"penstock.cleaning.actions": "build_transformer_action"},
    "data_cleaner.column_types": {},
    "data_cleaner.column_types.constants": {"penstock.cleaning.names": "ColumnType NUMBER_TYPES CATEGORICAL_TYPES"},
    "data_cleaner.column_types.column_type_detector": {"penstock.cleaning.column_types": "infer_column_types"},
    "shared": {},
    "shared.parsers": {"penstock.parsers": "encode_complex convert_matrix_to_dataframe sample_output"},
}
# The packages that export the names of their modules too.
SUPPORTED["data_cleaner.transformer_actions"] = {
    "penstock.cleaning.actions": "BaseAction build_transformer_action execute_transformer_action",
    "penstock.cleaning.names": "ActionType Axis ImputationStrategy",
}
SUPPORTED["data_cleaner.column_types"] = {
    "penstock.cleaning.names": "ColumnType",
    "penstock.cleaning.column_types": "infer_column_types",
}

ROOT = "mage_ai"


class _Module(ModuleType):
    """One `mage_ai` module: its names are looked up in ours when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        own = self.__name__[len(ROOT) + 1 :]
        for home, names in SUPPORTED.get(own, {}).items():
            if name in names.split():
                from importlib import import_module

                value = getattr(import_module(home), name)
                setattr(self, name, value)
                return value
        if name.startswith("__"):
            raise AttributeError(name)
        below = f"{own}.{name}" if own else name
        if below in SUPPORTED:
            from importlib import import_module

            return import_module(f"{ROOT}.{below}")
        raise AttributeError(not_supported(f"{self.__name__}.{name}"))


def not_supported(name: str) -> str:
    """What to say of a `mage_ai` name that is not on the list."""
    return (
        f"{name} is not supported: Penstock answers a part of mage_ai without installing it. "
        "`penstock validate` lists every such import of the project, with file and line"
    )


class _Finder:
    """Finds and makes `mage_ai` modules; stands first in `sys.meta_path`, so an installed mage_ai is not used."""

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != ROOT and not name.startswith(ROOT + "."):
            return None
        own = name[len(ROOT) + 1 :]
        if own and own not in SUPPORTED:
            raise ModuleNotFoundError(not_supported(name), name=name)
        is_package = not own or any(other.startswith(own + ".") for other in SUPPORTED)
        return ModuleSpec(name, _finder, is_package=is_package)  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Nothing to run: names come when they are asked for; `import *` needs them listed."""
        own = module.__name__[len(ROOT) + 1 :]
        module.__dict__["__all__"] = " ".join(SUPPORTED.get(own, {}).values()).split()


_finder = _Finder()


def install() -> None:
    """Answer `mage_ai` imports in this process from now on. Idempotent."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
