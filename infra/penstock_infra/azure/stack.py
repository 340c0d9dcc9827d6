"""The stack on Azure: from what everything stands on to what watches it."""

from __future__ import annotations

from penstock_infra.azure.alarms import Alarms
from penstock_infra.azure.budget import Budget
from penstock_infra.azure.dashboard import Dashboard
from penstock_infra.azure.foundation import Foundation
from penstock_infra.azure.outputs import outputs_of
from penstock_infra.azure.runtime import Runtime
from penstock_infra.azure.signals import Watched
from penstock_infra.azure.stores import Stores
from penstock_infra.contract import StackOutputs
from penstock_platform.blueprint import Blueprint


def render(blueprint: Blueprint) -> StackOutputs:
    """Register every resource of the blueprint and return the stack's outputs."""
    on = Foundation(blueprint)
    stores = Stores(on)
    runtime = Runtime(on, stores)
    watched = _watched(on, stores, runtime)
    Alarms("alarms", site=on.site, blueprint=blueprint, watched=watched, logs=runtime.logs, opts=on.opts)
    dashboard = Dashboard("dashboard", site=on.site, watched=watched, opts=on.opts)
    if blueprint.monthly_budget is not None and blueprint.alarm_email is not None:
        Budget("budget", site=on.site, amount=blueprint.monthly_budget, email=blueprint.alarm_email, opts=on.opts)
    return outputs_of(on, stores, runtime, dashboard.url)


def _watched(on: Foundation, stores: Stores, runtime: Runtime) -> Watched:
    return Watched(
        web=runtime.web.id,
        scheduler=runtime.scheduler.id,
        database=stores.database.id,
        files=stores.share.files_id,
        share_gb=on.blueprint.share.size_gb,
        cache=None if stores.cache is None else stores.cache.id,
    )
