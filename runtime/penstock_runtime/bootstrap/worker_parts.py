"""The worker and its executors, put together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.domain.ids import new_id
from penstock_runtime.environments.builder import EnvironmentBuilder
from penstock_runtime.executors.local_process.executor import LocalProcessExecutor, LocalProcessOptions
from penstock_runtime.executors.local_process.leftovers import end_leftovers, owner_of
from penstock_runtime.hardening import clean_environment
from penstock_runtime.ports.account_store import AuditEvent
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.log_store import LogKey
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.project.requirements import extra_requirements, requirements_text
from penstock_runtime.runs.membership import PLACE, Membership, this_place
from penstock_runtime.runs.services import RunServices
from penstock_runtime.settings import Settings
from penstock_runtime.worker.broker import WorkBroker
from penstock_runtime.worker.environment_gate import EnvironmentGate
from penstock_runtime.worker.loop import Worker
from penstock_runtime.worker.parts import WorkerParts


def build_worker(
    settings: Settings, components: Components, services: RunServices, membership: Membership, only_run: str | None
) -> Worker:
    """Return a worker with the executors that the settings allow."""
    nudges: list[Callable[[], None]] = []

    def nudge() -> None:
        for call in nudges:
            call()

    broker = WorkBroker(services, _audited_secrets(components), components.io_profile)
    executors = {}
    if settings.local_execution:
        executors[ExecutorType.LOCAL_PYTHON] = _local_executor(settings, components, services, broker)
    worker = Worker(
        WorkerParts(
            services=services,
            membership=membership,
            executors=executors,
            artifacts=components.artifacts,
            logs=components.logs,
            environments=EnvironmentGate(environment_of(settings, components), nudge),
            bundle_dir=components.library.path,
            project_dir=settings.project_dir,
            staging_root=components.artifacts.staging_dir(f"worker-{membership.owner.member_id}"),
            render_sql=components.render_sql,
            slots=settings.slots,
            poll_seconds=settings.poll_seconds,
            only_run=only_run,
        )
    )
    nudges.append(worker.nudge)
    return worker


def environment_of(
    settings: Settings, components: Components
) -> Callable[[str, Callable[[str], None]], EnvironmentRef]:
    """Return how to make the user environment of a bundle."""
    environ = clean_environment(settings.plain_env, {**settings.tool_env, **settings.block_env})
    builder = EnvironmentBuilder(settings.state_dir, environ=environ)

    def ensure(bundle: str, progress: Callable[[str], None]) -> EnvironmentRef:
        root: Path = components.library.path(bundle)
        return builder.ensure(requirements_text(root), extra_requirements(root), progress)

    return ensure


def end_leftovers_of(settings: Settings) -> int:
    """End the processes that dead schedulers of this installation left on this machine; how many."""
    return len(end_leftovers(owner_of(settings.data_dir)))


def bury_the_dead(services: RunServices) -> None:
    """End members of this place whose lease has passed and whose process is gone: nobody needs to wait for them."""
    now, here = services.clock.now(), this_place()
    with services.store.transaction() as tx:
        for member in tx.members():
            if member.detail.get(PLACE) == here and member.expires_at <= now and not _is_running(member.pid):
                tx.leave(member.id, now)


def clear_dead_staging(components: Components, services: RunServices) -> None:
    """Remove the private folders of workers that are no more: a kill leaves them, with whole outputs in them."""
    # Listed first: whoever makes a folder after that is not in the list, and whoever made one before has joined.
    folders = components.artifacts.staging_dirs()
    with services.store.transaction(read_only=True) as tx:
        living = {f"worker-{member.id}" for member in tx.members()}
    for folder in folders:
        if folder.name.startswith("worker-") and folder.name.rpartition("-")[0] not in living:
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _local_executor(
    settings: Settings, components: Components, services: RunServices, broker: WorkBroker
) -> LocalProcessExecutor:
    def on_log(key: LogKey) -> None:
        services.wakeups.publish(Wakeup("log", f"{key.run_id}/{key.block}"))

    options = LocalProcessOptions(
        data_dir=settings.data_dir,
        slots=settings.slots,
        environ=clean_environment(settings.plain_env, settings.block_env),
        log_cap_bytes=settings.log_limit_bytes,
    )
    return LocalProcessExecutor(options, broker, components.logs, on_log, services.clock.now)


def _audited_secrets(components: Components) -> Callable[[str, str], str]:
    def read(name: str, attempt_id: str) -> str:
        value = components.secrets.value(name)
        event = AuditEvent(new_id(), components.clock.now(), f"attempt:{attempt_id}", "secret.read", name)
        components.account_store.record(event)
        return value

    return read
