"""The run store on SQLite and Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from penstock_runtime.persistence.attempt_steps import AttemptSteps
from penstock_runtime.persistence.backfill_steps import BackfillSteps
from penstock_runtime.persistence.block_run_steps import BlockRunSteps
from penstock_runtime.persistence.claims import ClaimSteps
from penstock_runtime.persistence.code_versions import CodeSteps
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.due import DueSteps
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.persistence.history_steps import HistorySteps
from penstock_runtime.persistence.lost_tick_steps import LostTickSteps
from penstock_runtime.persistence.member_steps import MemberSteps
from penstock_runtime.persistence.outbox_steps import OutboxSteps
from penstock_runtime.persistence.run_reads import ReadSteps
from penstock_runtime.persistence.run_steps import RunSteps
from penstock_runtime.persistence.scaling_steps import ScalingSteps
from penstock_runtime.persistence.trigger_steps import TriggerSteps
from penstock_runtime.ports.run_store import RunStore, RunTransaction


class SqlRunTransaction(
    RunSteps,
    BlockRunSteps,
    AttemptSteps,
    ClaimSteps,
    DueSteps,
    MemberSteps,
    TriggerSteps,
    LostTickSteps,
    BackfillSteps,
    OutboxSteps,
    ScalingSteps,
    HistorySteps,
    CodeSteps,
    ReadSteps,
):
    """Every step of the port, over one open transaction."""


class SqlRunStore:
    """The run store behind `database`, whose schema is up to date (see `persistence.migrations`)."""

    def __init__(self, database: Database) -> None:
        """Share the database with whoever else uses it; `close` closes it for all."""
        self.database = database

    @classmethod
    def open(cls, options: DatabaseOptions) -> SqlRunStore:
        """Return the store of a URL, not yet connected and not migrated."""
        return cls(open_database(options))

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[RunTransaction]:
        """See the port. Read-only on Postgres, each statement sees what is committed when it runs."""
        with self.database.transaction(read_only=read_only) as session:
            yield SqlRunTransaction(session)

    def sample_time(self) -> datetime:
        """See the port."""
        return self.database.sample_time()

    @property
    def single_writer(self) -> bool:
        """See the port."""
        return self.database.single_writer

    def close(self) -> None:
        """See the port."""
        self.database.close()


def _fulfils_the_port(store: SqlRunStore) -> RunStore:
    """Let the type checker compare the two."""
    return store
