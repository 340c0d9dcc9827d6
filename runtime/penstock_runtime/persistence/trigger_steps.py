"""Triggers, as triggers.yaml and the API define them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.dialects import postgresql

from penstock_runtime.persistence.columns import UtcTime
from penstock_runtime.persistence.steps import TRIGGER, Steps, field_values, parameters
from penstock_runtime.persistence.tables import triggers
from penstock_runtime.ports.run_store import Trigger

_c = triggers.c
_one = _c.id == bindparam("trigger_id")
_KEPT = frozenset({"id", "created_at"})
_WRITTEN = [*TRIGGER, _c.event_name]
_insert = postgresql.insert(triggers).values(parameters(_WRITTEN))
# The id stays, because the trigger's runs name it (I1).
_PUT = _insert.on_conflict_do_update(
    index_elements=[_c.pipeline, _c.name],
    set_={column.name: _insert.excluded[column.name] for column in _WRITTEN if column.name not in _KEPT},
)
_other = triggers.alias("other")
_RENAME = (
    update(triggers)
    .where(
        _one,
        (_c.pipeline != bindparam("to_pipeline")) | (_c.name != bindparam("to_name")),
        ~exists().where(_other.c.pipeline == bindparam("to_pipeline"), _other.c.name == bindparam("to_name")),
    )
    .values(pipeline=bindparam("to_pipeline"), name=bindparam("to_name"))
)
_all = select(*TRIGGER).where(_c.deleted_at.is_(None)).order_by(_c.pipeline, _c.name)
_ALL = _all
_OF_PIPELINE = _all.where(_c.pipeline == bindparam("pipeline"))
_READ = select(*TRIGGER).where(_one)
_DELETE = (
    update(triggers)
    .where(_one, _c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now", type_=UtcTime()), updated_at=bindparam("now", type_=UtcTime()))
)


class TriggerSteps(Steps):
    """Triggers."""

    def put_trigger(self, trigger: Trigger) -> None:
        """See the port. A trigger put under its own id with another name is renamed."""
        self._session.change(_RENAME, trigger_id=trigger.id, to_pipeline=trigger.pipeline, to_name=trigger.name)
        values = field_values(replace(trigger, deleted_at=None))
        self._session.change(_PUT, **values, event_name=trigger.event_name)

    def triggers(self, pipeline: str | None = None) -> Sequence[Trigger]:
        """See the port."""
        session = self._session
        rows = session.rows(_ALL) if pipeline is None else session.rows(_OF_PIPELINE, pipeline=pipeline)
        return [Trigger(*row) for row in rows]

    def trigger(self, trigger_id: str) -> Trigger | None:
        """See the port."""
        row = self._session.first(_READ, trigger_id=trigger_id)
        return None if row is None else Trigger(*row)

    def delete_trigger(self, trigger_id: str, now: datetime) -> bool:
        """See the port."""
        return self._session.change(_DELETE, trigger_id=trigger_id, now=now) == 1
