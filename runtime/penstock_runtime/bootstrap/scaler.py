"""The scaler's thread, in every process that is told a target; the run store lets one of them decide.

A target that no adapter here speaks is looked after all the same, without setting anything: what would be done is
recorded, and says so.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping

from penstock_runtime.bootstrap.components import Components
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.scaling import Rules
from penstock_runtime.ports.scaler import Scaler
from penstock_runtime.scaling.autoscaler import Autoscaler, Target
from penstock_runtime.scaling.local_processes import LocalProcessScaler
from penstock_runtime.settings import Settings

log = logging.getLogger("penstock.scaler")

SCALERS: Mapping[str, Callable[[str], Scaler]] = {"local": LocalProcessScaler}
"""By what stands before the first colon of the target; the adapter is given what stands behind it."""

SERVICE = "scheduler"


def target_of(settings: Settings) -> Target | None:
    """Return what the settings say the scaler sets; None when they name nothing."""
    name = settings.scaler_target
    if name is None:
        return None
    kind, _, rest = name.partition(":")
    make = SCALERS.get(kind) if rest else None
    return Target(name, SERVICE, None if make is None else make(rest), dry_run=settings.scaler_dry_run)


def rules_of(settings: Settings) -> Rules:
    """Return the rules that the settings state."""
    return Rules(
        least=settings.scaler_min,
        most=settings.scaler_max,
        delay_seconds=settings.scaler_delay_seconds,
        look_seconds=settings.scaler_look_seconds,
        cooldown_up_seconds=settings.scaler_cooldown_up_seconds,
        cooldown_down_seconds=settings.scaler_cooldown_down_seconds,
    )


class ScalerThread:
    """Looks every few seconds until it is stopped. Without a target it does nothing."""

    def __init__(self, components: Components) -> None:
        """Nothing happens before `start`."""
        self._settings = components.settings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        target = target_of(components.settings)
        if target is None:
            return
        if target.scaler is None:
            known = ", ".join(f"{kind}:…" for kind in sorted(SCALERS))
            log.warning(
                "PENSTOCK_SCALER_TARGET is %s, which this release cannot set (it sets %s): the number of schedulers "
                "stays as it is, and /cluster shows what would have been set",
                target.name,
                known,
            )
        holder = f"{socket.gethostname()}:{os.getpid()}:{new_id()[-6:]}"
        scaler = Autoscaler(components.store, components.clock, target, rules_of(components.settings), holder)
        self._thread = threading.Thread(target=self._keep, args=(scaler,), name="scaler", daemon=True)

    def start(self) -> None:
        """Look in the background."""
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> None:
        """Stop looking, and let another process decide. Idempotent."""
        self._stop.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(self._settings.statement_timeout_seconds)

    def _keep(self, scaler: Autoscaler) -> None:
        while not self._stop.wait(self._settings.scaler_look_seconds):
            try:
                scaler.look()
            except Exception:  # the thread's loop: without it nobody would look again
                log.exception("the scaler could not decide")
        try:
            scaler.release()
        except Exception:  # the process is ending: the lease passes by itself
            log.exception("the scaler could not give up its lease")
