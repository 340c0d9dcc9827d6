"""Google BigQuery, through its client."""

from __future__ import annotations

import json
from typing import Any

from penstock.io.config import Profile, as_profile
from penstock.io.formats import QUERY_ROW_LIMIT, need, pandas_for, policy


class BigQuery:
    """A project's datasets, by GOOGLE_SERVICE_ACC_KEY, its file, or the machine's own identity."""

    def __init__(self, profile: Any = None, **_settings: Any) -> None:
        profile = as_profile({} if profile is None else profile)
        self._bigquery = need("google.cloud.bigquery", "google-cloud-bigquery[pandas]", "BigQuery")
        location = profile.get("GOOGLE_LOCATION")
        self.client = self._bigquery.Client(credentials=credentials_of(profile), location=location)

    @classmethod
    def with_config(cls, config: Profile, **settings: Any) -> BigQuery:
        """A client of a profile."""
        return cls(config, **settings)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def load(self, query_string: str, limit: int = QUERY_ROW_LIMIT, **_options: Any) -> Any:
        """A query's first `limit` rows as a pandas frame."""
        # Only a limit of the caller's own: with one the client reads page by page, without by its fast storage reader.
        options = {"max_results": limit} if limit < QUERY_ROW_LIMIT else {}
        return self.client.query(query_string).result(**options).to_dataframe()

    def execute(self, query_string: str, **_options: Any) -> None:
        """Execute a statement to its end."""
        self.client.query(query_string).result()

    def export(
        self, df: Any, table_id: str, if_exists: Any = "replace", query_string: str | None = None, **_options: Any
    ) -> None:
        """Write a frame, or a query's result, to `project.dataset.table`."""
        names = {"append": "WRITE_APPEND", "fail": "WRITE_EMPTY", "replace": "WRITE_TRUNCATE"}
        disposition = names[policy(if_exists)]
        if query_string is not None:
            job = self._bigquery.QueryJobConfig(destination=table_id, write_disposition=disposition)
            self.client.query(query_string, job_config=job).result()
            return
        frame = df if hasattr(df, "columns") else pandas_for("BigQuery").DataFrame(df)
        job = self._bigquery.LoadJobConfig(write_disposition=disposition)
        self.client.load_table_from_dataframe(frame, table_id, job_config=job).result()


def credentials_of(profile: Profile) -> Any:
    """Google credentials of a profile; None means the machine's own identity."""
    key, path = profile.get("GOOGLE_SERVICE_ACC_KEY"), profile.get("GOOGLE_SERVICE_ACC_KEY_FILEPATH")
    if key is None and path is None:
        return None
    account = need("google.oauth2.service_account", "google-auth", "a Google service account")
    if key is not None:
        return account.Credentials.from_service_account_info(json.loads(key) if isinstance(key, str) else key)
    return account.Credentials.from_service_account_file(str(path))
