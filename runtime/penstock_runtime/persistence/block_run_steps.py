"""The rows of block runs: insert, change, count down, put back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Table, and_, bindparam, case, literal_column, select, update
from sqlalchemy import text as sql_text
from sqlalchemy.dialects import postgresql

from penstock_runtime.domain.runs import (
    BLOCK_RUN_WAITING,
    UNMAPPED,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
)
from penstock_runtime.persistence.columns import UtcTime, among, to_json, utc_text
from penstock_runtime.persistence.steps import BLOCK_RUN, Steps, any_of, field_values, parameters
from penstock_runtime.persistence.tables import block_runs, runs
from penstock_runtime.ports.run_store import BlockRunChange

_c = block_runs.c
_now = bindparam("now", type_=UtcTime())
_graph_row = [_c.run_id == bindparam("run_id"), _c.map_index == UNMAPPED, _c.callback_key == ""]
_by_id = _c.id == bindparam("block_run_id")

_limited = select(runs.c.block_run_limit.is_not(None)).where(runs.c.id == bindparam("run_id")).scalar_subquery()
_INSERT_ONE = (
    postgresql.insert(block_runs)
    .values({**parameters(BLOCK_RUN), "callback_key": bindparam("callback_key"), "limited": _limited})
    .on_conflict_do_nothing()
)
_COUNT_DOWN = (
    update(block_runs)
    .where(*_graph_row, among(_c.block, "blocks"), _c.status == BlockRunStatus.PENDING)
    .values(waiting_on=_c.waiting_on - 1)
    .returning(*BLOCK_RUN)
)
_freed = and_(_c.waiting_on == 1, among(_c.block, "make_ready"))
_COUNT_DOWN_TO_READY = (
    update(block_runs)
    .where(*_graph_row, among(_c.block, "blocks"), _c.status == BlockRunStatus.PENDING)
    .values(
        waiting_on=_c.waiting_on - 1,
        status=case((_freed, literal_column("'ready'")), else_=_c.status),
        due_at=case((_freed, _now), else_=_c.due_at),
    )
    .returning(*BLOCK_RUN)
)
_INSTANCE_ENDED = (
    update(block_runs)
    .where(*_graph_row, _c.block == bindparam("of_block"))
    .values(open_instances=_c.open_instances - 1)
    .returning(*BLOCK_RUN)
)
_END_WAITING = (
    update(block_runs)
    .where(_c.run_id == bindparam("run_id"), any_of(_c.status, BLOCK_RUN_WAITING))
    .values(status=bindparam("new_status", type_=_c.status.type), ended_at=_now, due_at=None)
)
_RESET = (
    update(block_runs)
    .where(_by_id)
    .values(
        # A new epoch may have brought the run a limit, or taken it away.
        limited=select(runs.c.block_run_limit.is_not(None)).where(runs.c.id == _c.run_id).scalar_subquery(),
        status=bindparam("new_status", type_=_c.status.type),
        epoch=bindparam("new_epoch"),
        waiting_on=bindparam("count"),
        due_at=bindparam("new_due_at", type_=UtcTime()),
        **dict.fromkeys(("open_instances", "failures", "losses"), 0),
        **dict.fromkeys(
            ("first_started_at", "started_at", "ended_at", "outputs", "fan_out", "error", "tests"), None
        ),
    )
)  # fmt: skip
_RETIRE = (
    update(block_runs)
    .where(_c.run_id == bindparam("run_id"), among(_c.block, "blocks"), _c.kind == BlockRunKind.INSTANCE)
    .values(status=BlockRunStatus.CANCELLED, **dict.fromkeys(("due_at", "outputs", "fan_out", "error", "tests"), None))
)
_CHANGEABLE = (
    "due_at",
    "ended_at",
    "outputs",
    "fan_out",
    "error",
    "open_instances",
    "waiting_on",
    "started_at",
    "tests",
)
_Shape = tuple[str, ...]


def _shape(change: BlockRunChange) -> tuple[_Shape, _Shape, dict[str, Any]]:
    """Return the names set, those cleared, and the parameters: few shapes occur, and each is prepared once."""
    values: dict[str, Any] = {"new_status": change.status}
    for name in _CHANGEABLE:
        value = getattr(change, name)
        if value is not None:
            values[f"new_{name}"] = value
    for name in ("add_failures", "add_losses"):
        if getattr(change, name):
            values[name] = getattr(change, name)
    return tuple(values), tuple(sorted(change.clear)), values


def _assignments(names: _Shape, cleared: _Shape) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(cleared)
    for name in names:
        if name == "add_failures":
            found["failures"] = _c.failures + bindparam(name)
        elif name == "add_losses":
            found["losses"] = _c.losses + bindparam(name)
        else:
            column = name.removeprefix("new_")
            found[column] = bindparam(name, type_=_c[column].type)
    return found


@cache
def _change_one(names: _Shape, cleared: _Shape, statuses: frozenset[BlockRunStatus]) -> Any:
    return (
        update(block_runs)
        .where(_by_id, any_of(_c.status, statuses))
        .values(_assignments(names, cleared))
        .returning(*BLOCK_RUN)
    )


@cache
def _change_graph(names: _Shape, cleared: _Shape, statuses: frozenset[BlockRunStatus]) -> Any:
    return (
        update(block_runs)
        .where(*_graph_row, among(_c.block, "blocks"), any_of(_c.status, statuses))
        .values(_assignments(names, cleared))
        .returning(_c.block)
    )


def _insert_list(table: Table) -> Any:
    """Return the Postgres insert that takes all rows as one JSON text: one round trip, whatever their number."""
    columns = [column for column in table.c if column.name != "limited"]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in columns)
    names = ", ".join(column.name for column in columns)
    taken = ", ".join(f"x.{column.name}" for column in columns)
    return sql_text(
        f"INSERT INTO {table.name} ({names}, limited) "  # noqa: S608 - names of columns, not of users
        f"SELECT {taken}, r.block_run_limit IS NOT NULL FROM json_to_recordset(CAST(:rows AS json)) "
        f"AS x({types}) JOIN runs r ON r.id = x.run_id ON CONFLICT DO NOTHING"
    ).bindparams(bindparam("rows"))


_INSERT_LIST = _insert_list(block_runs)
_TIMES = ("due_at", "first_started_at", "started_at", "ended_at")
_TEXTS = ("outputs", "error", "tests")


def _callback_key(row: BlockRun) -> str:
    return f"{row.epoch}/{row.parent or ''}/{row.event or ''}" if row.kind is BlockRunKind.CALLBACK else ""


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    for name in _TIMES:
        if values[name] is not None:
            values[name] = utc_text(values[name])
    for name in _TEXTS:
        if values[name] is not None:
            values[name] = to_json(values[name])
    return values


class BlockRunSteps(Steps):
    """Block runs."""

    def insert_block_runs(self, block_runs: Sequence[BlockRun]) -> int:
        """See the port."""
        if not block_runs:
            return 0
        many = []
        for row in block_runs:
            values = field_values(row)
            values["callback_key"] = _callback_key(row)
            many.append(values)
        if self._session.name == "postgresql":
            return self._session.change(_INSERT_LIST, rows=to_json([_as_json(values) for values in many]))
        return self._session.change_many(_INSERT_ONE, many)

    def change_block_run(
        self, block_run_id: str, from_statuses: Sequence[BlockRunStatus], change: BlockRunChange
    ) -> BlockRun | None:
        """See the port."""
        names, cleared, values = _shape(change)
        row = self._session.first(
            _change_one(names, cleared, frozenset(from_statuses)), block_run_id=block_run_id, **values
        )
        return None if row is None else BlockRun(*row)

    def change_blocks(
        self, run_id: str, blocks: Sequence[str], from_statuses: Sequence[BlockRunStatus], change: BlockRunChange
    ) -> Sequence[str]:
        """See the port."""
        if not blocks:
            return []
        names, cleared, values = _shape(change)
        rows = self._session.rows(
            _change_graph(names, cleared, frozenset(from_statuses)), run_id=run_id, blocks=blocks, **values
        )
        changed = {row[0] for row in rows}
        return [block for block in blocks if block in changed]

    def count_down(
        self, run_id: str, blocks: Sequence[str], now: datetime, make_ready: Collection[str] = ()
    ) -> Sequence[BlockRun]:
        """See the port."""
        if not blocks:
            return []
        if make_ready:
            rows = self._session.rows(
                _COUNT_DOWN_TO_READY, run_id=run_id, blocks=blocks, make_ready=list(make_ready), now=now
            )
        else:
            rows = self._session.rows(_COUNT_DOWN, run_id=run_id, blocks=blocks)
        found = {row.block: row for row in (BlockRun(*row) for row in rows)}
        return [found[block] for block in blocks if block in found]

    def instance_ended(self, run_id: str, block: str) -> BlockRun | None:
        """See the port."""
        row = self._session.first(_INSTANCE_ENDED, run_id=run_id, of_block=block)
        return None if row is None else BlockRun(*row)

    def end_waiting_block_runs(self, run_id: str, status: BlockRunStatus, now: datetime) -> int:
        """See the port."""
        return self._session.change(_END_WAITING, run_id=run_id, new_status=status, now=now)

    def reset_block_run(
        self, block_run_id: str, epoch: int, status: BlockRunStatus, waiting_on: int, now: datetime
    ) -> None:
        """See the port."""
        self._session.change(
            _RESET,
            block_run_id=block_run_id,
            new_epoch=epoch,
            new_status=status,
            count=waiting_on,
            new_due_at=now if status is BlockRunStatus.READY else None,
        )

    def retire_instances(self, run_id: str, blocks: Sequence[str]) -> None:
        """See the port."""
        if blocks:
            self._session.change(_RETIRE, run_id=run_id, blocks=blocks)
