"""Amazon Redshift, through redshift_connector."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping

from penstock.io.database import Database
from penstock.io.formats import need


class Redshift(Database):
    """A cluster or workgroup named by the REDSHIFT_ keys, by password or by IAM."""

    name = "Redshift"
    lower_names = True
    folds_names = True
    types: ClassVar[Mapping[str, str]] = {
        "integer": "BIGINT", "float": "DOUBLE PRECISION", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP",
        "timestamptz": "TIMESTAMPTZ", "date": "DATE", "time": "TIME", "decimal": "DECIMAL(38, 9)",
        "binary": "VARBYTE", "json": "SUPER", "text": "VARCHAR(65535)",
    }  # fmt: skip

    def connect(self) -> Any:
        """Connect with REDSHIFT_TEMP_CRED_USER and its password, else through IAM with REDSHIFT_CLUSTER_ID."""
        profile = self.profile
        driver = need("redshift_connector", "redshift_connector", self.name)
        if "REDSHIFT_TEMP_CRED_USER" in profile:
            return driver.connect(
                database=profile.require("REDSHIFT_DBNAME"),
                host=profile.require("REDSHIFT_HOST"),
                port=int(profile.get("REDSHIFT_PORT", 5439)),
                user=profile.require("REDSHIFT_TEMP_CRED_USER"),
                password=profile.require("REDSHIFT_TEMP_CRED_PASSWORD"),
            )
        return driver.connect(
            iam=True,
            database=profile.require("REDSHIFT_DBNAME"),
            db_user=profile.get("REDSHIFT_DBUSER"),
            cluster_identifier=profile.require("REDSHIFT_CLUSTER_ID"),
            profile=profile.get("REDSHIFT_IAM_PROFILE", "default"),
        )

    def default_schema(self) -> str | None:
        """REDSHIFT_SCHEMA of the profile."""
        schema = self.profile.get("REDSHIFT_SCHEMA")
        return None if schema is None else str(schema)

    def export(  # type: ignore[override]  # the order of arguments is Mage's for each database
        self, df: Any = None, table_name: Any = None, schema: Any = None, **options: Any
    ) -> None:
        """Mage's order of arguments here: the table, then the schema."""
        options.pop("database", None)
        schema = options.pop("schema_name", None) or schema
        super().export(df, schema_name=schema, table_name=table_name, **options)
