"""What the settings make of the scaler: its target, its rules, and what is said of a target that nobody speaks to."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace

import pytest

from penstock_runtime.bootstrap.scaler import ScalerThread, rules_of, target_of
from penstock_runtime.domain.scaling import Rules
from penstock_runtime.scaling.local_processes import LocalProcessScaler
from penstock_runtime.settings import Settings, SettingsInvalid, read_settings
from penstock_runtime.testing.clock import FakeClock
from penstock_runtime.testing.memory_run_store import InMemoryRunStore
from support.waiting import wait_until

BASE = {"PENSTOCK_SCALER_MAX": "5"}
ARN = "arn:aws:ecs:eu-north-1:1:service/penstock/scheduler"


def settings(target: str, **more: str) -> Settings:
    return read_settings({**BASE, "PENSTOCK_SCALER_TARGET": target, **more})


def test_without_a_target_there_is_no_scaler():
    assert target_of(read_settings({})) is None
    assert target_of(read_settings({"PENSTOCK_SCALER_TARGET": ""})) is None


def test_a_local_target_is_the_socket_of_penstock_up():
    target = target_of(settings("local:/run/user/1/control"))
    assert target is not None
    assert isinstance(target.scaler, LocalProcessScaler)
    assert target.scaler._path == "/run/user/1/control"
    assert (target.service, target.dry_run) == ("scheduler", False)
    assert target_of(settings("local:/x", PENSTOCK_SCALER_DRY_RUN="on")).dry_run is True


@pytest.mark.parametrize(
    "name", [ARN, "projects/p/locations/l/workerPools/w", "/subscriptions/s", "scheduler", "local", "local:"]
)
def test_a_target_that_nobody_speaks_to_has_no_scaler(name):
    target = target_of(settings(name))
    assert target is not None
    assert (target.name, target.scaler) == (name, None)


def test_rules_are_those_of_the_settings():
    assert rules_of(settings("local:/x")) == Rules(1, 5)
    named = {
        "PENSTOCK_SCALER_MIN": "2",
        "PENSTOCK_SCALER_DELAY_SECONDS": "0.5",
        "PENSTOCK_SCALER_LOOK_SECONDS": "3",
        "PENSTOCK_SCALER_COOLDOWN_UP_SECONDS": "7",
        "PENSTOCK_SCALER_COOLDOWN_DOWN_SECONDS": "11",
    }
    found = settings("local:/x", **named)
    assert rules_of(found) == Rules(2, 5, 0.5, 3, 7, 11)
    assert Settings.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"PENSTOCK_SCALER_TARGET": "local:/x"}, "PENSTOCK_SCALER_MAX: missing"),
        ({"PENSTOCK_SCALER_MIN": "4", "PENSTOCK_SCALER_MAX": "3"}, "PENSTOCK_SCALER_MAX: 3 cannot be used"),
        ({"PENSTOCK_SCALER_MIN": "0"}, "PENSTOCK_SCALER_MIN: '0' cannot be used"),
        ({"PENSTOCK_SCALER_LOOK_SECONDS": "0"}, "PENSTOCK_SCALER_LOOK_SECONDS"),
        ({"PENSTOCK_SCALER_DELAY_SECONDS": "soon"}, "PENSTOCK_SCALER_DELAY_SECONDS"),
        ({"PENSTOCK_SCALER_DRY_RUN": "maybe"}, "PENSTOCK_SCALER_DRY_RUN"),
    ],
)
def test_what_cannot_be_is_said(given, words):
    with pytest.raises(SettingsInvalid, match=words):
        read_settings(given)


def components(found: Settings, store: InMemoryRunStore):
    return SimpleNamespace(settings=found, store=store, clock=FakeClock())


def test_an_unspoken_target_is_warned_of_once_and_looked_after(caplog):
    store = InMemoryRunStore()
    found = settings(ARN, PENSTOCK_SCALER_LOOK_SECONDS="0.1")
    with caplog.at_level(logging.WARNING):
        thread = ScalerThread(components(found, store))
        thread.start()
        wait_until(lambda: decisions(store), 10)
        thread.stop()
    assert caplog.text.count("cannot set") == 1
    assert ARN in caplog.text
    assert decisions(store)[0].inputs["target_supported"] is False
    with store.transaction(read_only=True) as tx:
        assert tx.lease("scaler") is None, "given up at the end"


def test_a_look_that_breaks_is_not_the_last(caplog):
    class Breaks(InMemoryRunStore):
        looks = 0

        def transaction(self, *, read_only: bool = False):
            Breaks.looks += 1
            raise RuntimeError("broken")

    thread = ScalerThread(components(settings("local:/x", PENSTOCK_SCALER_LOOK_SECONDS="0.1"), Breaks()))
    with caplog.at_level(logging.ERROR):
        thread.start()
        wait_until(lambda: Breaks.looks >= 3, 10)
        thread.stop()
    assert "could not decide" in caplog.text


def test_without_a_target_no_thread_runs():
    before = threading.active_count()
    thread = ScalerThread(components(read_settings({}), InMemoryRunStore()))
    thread.start()
    assert threading.active_count() == before
    thread.stop()


def decisions(store: InMemoryRunStore) -> list:
    with store.transaction(read_only=True) as tx:
        return list(tx.scaling_decisions(10))
