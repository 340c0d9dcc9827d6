"""The keys of the project format: what is read, what is bookkeeping of the editor that wrote it, what is not supported.

A key in none of these tables is unknown, and named; a value of None or an empty container never is a problem, since
editors write those on everything.
"""

from __future__ import annotations

PROJECT_READ = frozenset(
    {
        "azure_container_instance_config",
        "concurrency_config",
        "ecs_config",
        "emr_config",
        "gcp_cloud_run_config",
        "k8s_executor_config",
        "notification_config",
        "project_type",
        "project_uuid",
        "retry_config",
        "spark_config",
        "variables_dir",
    }
)
# Settings of the other product's server and editor: accepted, since every project carries some of them.
PROJECT_BOOKKEEPING = frozenset(
    {
        "ai_config",
        "cluster_type",
        "created_at",
        "deny_file_patterns",
        "description",
        "features",
        "help_improve_mage",
        "ldap_config",
        "logging_config",
        "name",
        "openai_api_key",
        "pipelines",
        "queue_config",
        "remote_variables_dir",
        "repo_path",
        "s3_bucket",
        "s3_path_prefix",
        "settings",
        "variables_retention_period",
        "version",
        "workspace_config",
        "workspace_initial_metadata",
    }
)
PIPELINE_READ = frozenset(
    {
        "blocks",
        "callbacks",
        "concurrency_config",
        "conditionals",
        "description",
        "executor_config",
        "executor_type",
        "name",
        "notification_config",
        "retry_config",
        "run_pipeline_in_one_process",
        "spark_config",
        "tags",
        "type",
        "uuid",
        "variables",
        "widgets",
    }
)
PIPELINE_BOOKKEEPING = frozenset(
    {
        "cache_block_output_in_memory",
        "created_at",
        "created_by",
        "executor_count",
        "history",
        "interactions",
        "remote_variables_dir",
        "repo_path",
        "settings",
        "updated_at",
        "updated_by",
        "variables_dir",
    }
)
PIPELINE_UNSUPPORTED = {
    "data_integration": "data integration pipelines are not supported",
    "extensions": "extension blocks are not supported",
    "overrides": "overrides for each environment are not supported",
    "state_store_config": "state stores of streaming pipelines are not supported",
}
BLOCK_READ = frozenset(
    {
        "callback_blocks",
        "color",
        "conditional_blocks",
        "configuration",
        "description",
        "downstream_blocks",
        "executor_config",
        "executor_type",
        "has_callback",
        "language",
        "name",
        "replicated_block",
        "retry_config",
        "timeout",
        "type",
        "upstream_blocks",
        "uuid",
    }
)
BLOCK_BOOKKEEPING = frozenset(
    {
        "all_upstream_blocks_executed",
        "block_action_object",
        "created_at",
        "defaults",
        "documentation",
        "error",
        "file",
        "groups",
        "inputs",
        "interactions",
        "metadata",
        "outputs",
        "pipelines",
        "priority",
        "repo_path",
        "require_unique_name",
        "runtime",
        "status",
        "tags",
        "updated_at",
    }
)
BLOCK_UNSUPPORTED = {
    "catalog": "data integration sources are not supported",
    "content": "code inside metadata.yaml is not supported",
    "dynamic": "`dynamic` belongs under `configuration`",
    "extension_uuid": "extension blocks are not supported",
    "global_data_product": "global data products are not supported",
    "override_global_data_product": "global data products are not supported",
    "reduce_output": "`reduce_output` belongs under `configuration`",
}
RETRY = frozenset({"delay", "exponential_backoff", "max_delay", "memory_factor", "retries"})
CONCURRENCY = frozenset(
    {
        "block_run_limit",
        "on_pipeline_run_limit_reached",
        "pipeline_run_limit",
        "pipeline_run_limit_all_triggers",
    }
)
TRIGGER_READ = frozenset(
    {
        "description",
        "end_time",
        "name",
        "pipeline_uuid",
        "schedule_interval",
        "schedule_type",
        "settings",
        "sla",
        "start_time",
        "status",
        "timezone",
        "token",
        "variables",
    }
)
TRIGGER_BOOKKEEPING = frozenset(
    {"created_at", "envs", "event_matchers", "id", "last_enabled_at", "repo_path", "updated_at"}
)
TRIGGER_UNSUPPORTED = {"global_data_product_uuid": "global data products are not supported"}
TRIGGER_SETTINGS = frozenset(
    {
        "allow_blocks_to_fail",
        "catch_up",
        "catch_up_per_minute",
        "create_initial_pipeline_run",
        "event",
        "grace_seconds",
        "interval_seconds",
        "jitter_seconds",
        "on_pipeline_run_limit_reached",
        "pipeline_run_limit",
        "skip_if_previous_running",
        "sla",
        "timeout",
        "timeout_status",
        "timezone",
    }
)
TRIGGER_SETTINGS_UNSUPPORTED = {"landing_time_enabled": "landing times are not supported"}

BLOCK_FOLDERS = {
    "data_loader": "data_loaders",
    "transformer": "transformers",
    "data_exporter": "data_exporters",
    "sensor": "sensors",
    "custom": "custom",
    "conditional": "conditionals",
    "callback": "callbacks",
}
LANGUAGE_SUFFIXES = {"python": ".py", "sql": ".sql", "r": ".r", "yaml": ".yaml", "markdown": ".md"}
# Notes and pictures of the notebook: the other product does not run them in a pipeline run either.
NOTEBOOK_TYPES = frozenset({"scratchpad", "markdown", "chart"})
UNSUPPORTED_TYPES = {
    "dbt": "dbt blocks are not supported",
    "extension": "extension blocks are not supported",
    "global_data_product": "global data products are not supported",
    "hook": "hooks are not supported",
}
PIPELINE_TYPES = frozenset({"python", "pyspark"})
UNSUPPORTED_PIPELINE_TYPES = {
    "streaming": "streaming pipelines are not supported",
    "integration": "data integration pipelines are not supported",
    "databricks": "Databricks pipelines are not supported",
    "execution_framework": "execution frameworks are not supported",
}
# Connections a SQL block can run on: the `data_provider` of its configuration.
SQL_PROVIDERS = frozenset({"duckdb", "postgres", "sqlite"})
DECORATORS = {
    "data_loader": "data_loader",
    "transformer": "transformer",
    "data_exporter": "data_exporter",
    "sensor": "sensor",
    "custom": "custom",
    "conditional": "condition",
    "callback": "callback",
}
