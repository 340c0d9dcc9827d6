"""The web process's hold on its scheduler: what it hands over, and what it does when there is nothing to hold."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading

import httpx
import pytest

from penstock import process_tree
from penstock_runtime.bootstrap import scheduler_process, supervision
from penstock_runtime.bootstrap.components import open_components
from penstock_runtime.bootstrap.opening import upgrade_at_start
from penstock_runtime.bootstrap.scheduler_process import HUNG, SchedulerProcess
from penstock_runtime.bootstrap.supervision import SchedulerChild
from penstock_runtime.bootstrap.words import receive_word, send_word
from penstock_runtime.settings import Settings, read_settings
from penstock_runtime.worker.loop import Worker
from support.servers import free_port
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


@pytest.fixture
def ready(settings):
    """A project whose database is there."""
    components = open_components(settings)
    upgrade_at_start(components)
    yield components
    components.store.close()


def test_a_scheduler_that_is_frozen_is_replaced(settings, ready, monkeypatch):
    """Frozen, it cannot even end itself: its silence says so, and its death is told of with its member's id."""
    monkeypatch.setattr(supervision, "hang_seconds", lambda _settings: 5.0)
    dead = []
    child = SchedulerChild(settings, dead.append, on_refusal=lambda _reason: None)
    child.start()
    try:
        assert child.ready.wait(30)
        frozen = child.pid
        with ready.store.transaction(read_only=True) as tx:
            (member,) = [one.id for one in tx.members() if one.pid == frozen]
        os.kill(frozen, signal.SIGSTOP)
        wait_until(lambda: dead == [member], 20, "nobody noticed that it is frozen")
        assert not process_tree.is_running(frozen)
        wait_until(lambda: child.ready.is_set() and child.pid != frozen, 30, "nobody took its place")
    finally:
        child.stop(20)


def test_one_that_works_is_not_silent(settings, ready, monkeypatch):
    monkeypatch.setattr(supervision, "hang_seconds", lambda _settings: 5.0)
    child = child_of(settings)
    child.start()
    try:
        assert child.ready.wait(30)
        first = child.pid
        assert not threading.Event().wait(8)
        assert (child.pid, process_tree.is_running(first)) == (first, True)
    finally:
        child.stop(20)


def test_a_loop_that_hangs_fails_its_probe_and_ends_its_process(settings, ready, monkeypatch):
    """One loop stands still, all other threads go on: the probe says so first, then the process ends as hung."""
    monkeypatch.setattr(scheduler_process, "SHORTEST_HANG_SECONDS", 1.0)
    ended, hanging, go_on = [], threading.Event(), threading.Event()
    monkeypatch.setattr(scheduler_process.os, "_exit", ended.append)
    step = Worker.step

    def step_or_hang(self, timeout=None):
        if hanging.is_set():
            go_on.wait(60)
        step(self, timeout)

    monkeypatch.setattr(Worker, "step", step_or_hang)
    port = free_port()
    quick = settings.with_(health_port=port, lease_seconds=0.3, heartbeat_seconds=0.1, drain_seconds=0.0)
    process = SchedulerProcess(quick, ready)
    thread = threading.Thread(target=process.run)
    thread.start()

    def status(path):
        return httpx.get(f"http://127.0.0.1:{port}{path}").status_code

    try:
        wait_until(lambda: process.alive() and status("/readyz") == 200, 30, "it does not work")
        assert status("/healthz") == 200
        hanging.set()
        wait_until(lambda: status("/healthz") == 503, 20, "a hung loop passes for alive")
        wait_until(lambda: HUNG in ended, 20, "a hung loop does not end its process")
    finally:
        hanging.clear()
        go_on.set()
        process.stop()
        thread.join(20)
    assert not thread.is_alive()
