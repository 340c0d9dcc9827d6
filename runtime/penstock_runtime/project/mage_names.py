"""The `mage_ai` modules that block code may import, and what each of them exports.

The import hook of the SDK answers exactly these; a test compares the two lists, since neither
package may import the other.
"""

from __future__ import annotations

EXPORTS: dict[str, frozenset[str]] = {
    "mage_ai": frozenset(),
    "mage_ai.data_cleaner": frozenset(),
    "mage_ai.data_cleaner.column_types": frozenset({"ColumnType", "infer_column_types"}),
    "mage_ai.data_cleaner.column_types.column_type_detector": frozenset({"infer_column_types"}),
    "mage_ai.data_cleaner.column_types.constants": frozenset({"CATEGORICAL_TYPES", "ColumnType", "NUMBER_TYPES"}),
    "mage_ai.data_cleaner.transformer_actions": frozenset(
        {
            "ActionType",
            "Axis",
            "BaseAction",
            "ImputationStrategy",
            "build_transformer_action",
            "execute_transformer_action",
        }
    ),
    "mage_ai.data_cleaner.transformer_actions.base": frozenset({"BaseAction"}),
    "mage_ai.data_cleaner.transformer_actions.constants": frozenset({"ActionType", "Axis", "ImputationStrategy"}),
    "mage_ai.data_cleaner.transformer_actions.utils": frozenset({"build_transformer_action"}),
    "mage_ai.data_preparation": frozenset(),
    "mage_ai.data_preparation.decorators": frozenset(
        {
            "callback",
            "condition",
            "custom",
            "data_exporter",
            "data_loader",
            "on_failure",
            "on_success",
            "sensor",
            "test",
            "transformer",
        }
    ),
    "mage_ai.data_preparation.repo_manager": frozenset({"get_repo_path"}),
    "mage_ai.data_preparation.shared": frozenset(),
    "mage_ai.data_preparation.shared.secrets": frozenset({"get_secret_value"}),
    "mage_ai.io": frozenset(),
    "mage_ai.io.azure_blob_storage": frozenset({"AzureBlobStorage"}),
    "mage_ai.io.base": frozenset(
        {
            "BaseFile",
            "BaseIO",
            "BaseSQL",
            "BaseSQLConnection",
            "BaseSQLDatabase",
            "DataSource",
            "ExportWritePolicy",
            "FileFormat",
            "QUERY_ROW_LIMIT",
        }
    ),
    "mage_ai.io.bigquery": frozenset({"BigQuery"}),
    "mage_ai.io.config": frozenset({"ConfigFileLoader", "ConfigKey"}),
    "mage_ai.io.duckdb": frozenset({"DuckDB"}),
    "mage_ai.io.file": frozenset({"FileIO"}),
    "mage_ai.io.google_cloud_storage": frozenset({"GoogleCloudStorage"}),
    "mage_ai.io.mysql": frozenset({"MySQL"}),
    "mage_ai.io.postgres": frozenset({"Postgres"}),
    "mage_ai.io.redshift": frozenset({"Redshift"}),
    "mage_ai.io.s3": frozenset({"S3"}),
    "mage_ai.io.snowflake": frozenset({"Snowflake"}),
    "mage_ai.io.sql": frozenset({"BaseSQL"}),
    "mage_ai.orchestration": frozenset(),
    "mage_ai.orchestration.triggers": frozenset(),
    "mage_ai.orchestration.triggers.api": frozenset({"trigger_pipeline"}),
    "mage_ai.settings": frozenset(),
    "mage_ai.settings.repo": frozenset({"get_repo_path"}),
    "mage_ai.shared": frozenset(),
    "mage_ai.shared.parsers": frozenset({"convert_matrix_to_dataframe", "encode_complex", "sample_output"}),
}


def supported(dotted: str) -> bool:
    """Whether a dotted name is a module of the list, or something that one of them exports (`*`: all of it)."""
    module, _, name = dotted.rpartition(".")
    return dotted in EXPORTS or (module in EXPORTS and (name == "*" or name in EXPORTS[module]))
