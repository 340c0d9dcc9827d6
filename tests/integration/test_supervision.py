"""The web process's hold on its scheduler: what it hands over, and what it does when there is nothing to hold."""

from __future__ import annotations

import socket
import subprocess

import pytest

from penstock_runtime.bootstrap import supervision
from penstock_runtime.bootstrap.components import open_components
from penstock_runtime.bootstrap.opening import upgrade_at_start
from penstock_runtime.bootstrap.supervision import SchedulerChild
from penstock_runtime.bootstrap.words import receive_word, send_word
from penstock_runtime.settings import Settings, read_settings
from support.waiting import wait_until


@pytest.fixture
def settings(tmp_path) -> Settings:
    environ = {f"LONG_{number}": "x" * 100_000 for number in range(30)}
    made = read_settings({**environ, "PENSTOCK_STATE_DIR": str(tmp_path / "state")}, project_dir=tmp_path / "shop")
    (made.project_dir / "pipelines").mkdir(parents=True)
    return made


def child_of(settings: Settings) -> SchedulerChild:
    return SchedulerChild(settings, on_death=lambda _member: None, on_refusal=lambda _reason: None)


def test_settings_of_megabytes_reach_the_scheduler(settings):
    components = open_components(settings)
    upgrade_at_start(components)
    child = child_of(settings)
    child.start()
    try:
        assert child.ready.wait(30)
    finally:
        child.stop(20)
        components.store.close()


def test_a_scheduler_that_cannot_be_started_is_tried_again(settings, monkeypatch, caplog):
    tried = []

    def no_more_processes(*_args, **_options):
        tried.append(1)
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", no_more_processes)
    monkeypatch.setattr(supervision, "FIRST_BACKOFF_SECONDS", 0.01)
    child = child_of(settings)
    child.start()
    wait_until(lambda: len(tried) > 2, 10, "it was not tried again")
    child.stop(10)
    assert "no more processes" in caplog.text


def test_a_word_that_was_cut_off_is_no_word():
    here, there = socket.socketpair()
    with here:
        with there:
            send_word(there, "wörd")
            there.sendall(b"\0\0\0\x09half")
        assert receive_word(here) == "wörd"
        assert receive_word(here) is None
