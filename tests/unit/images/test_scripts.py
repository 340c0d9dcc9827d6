"""The two scripts of the image: what a container does first, and how it is asked whether it is well."""

from __future__ import annotations

import errno
import importlib.util
import multiprocessing
from types import ModuleType

import pytest

from penstock_runtime.project.starter import STARTER
from support.sources import ROOT

CONTAINERS = 6


def script(name: str) -> ModuleType:
    path = ROOT / "runtime" / "images" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"image_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


entrypoint = script("entrypoint")
health = script("health")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("there", ["nothing", "no parent", "an empty folder"])
def test_an_empty_share_gets_a_starter_project(tmp_path, there):
    project = tmp_path / "share" / "project"
    if there != "no parent":
        project.parent.mkdir()
    if there == "an empty folder":
        project.mkdir()
    assert entrypoint.make_starter(project)
    assert files(project) == sorted(STARTER)
    assert [path.name for path in project.parent.iterdir()] == ["project"]


def test_what_is_there_stays_as_it_is(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "notes.txt").write_text("mine")
    assert not entrypoint.make_starter(project)
    assert files(project) == ["notes.txt"]


def make_at_once(barrier, results, project):
    barrier.wait(30)
    results.put(script("entrypoint").make_starter(project))


def test_of_containers_that_start_together_one_makes_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(CONTAINERS), context.Queue()
    project = tmp_path / "project"
    started = [context.Process(target=make_at_once, args=(barrier, results, project)) for _ in range(CONTAINERS)]
    for one in started:
        one.start()
    made = [results.get(timeout=30) for _ in started]
    for one in started:
        one.join(30)
    assert sorted(made) == [False] * (CONTAINERS - 1) + [True]
    assert files(project) == sorted(STARTER)
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_who_comes_second_leaves_the_first_ones_project(tmp_path, monkeypatch):
    """Both saw an empty share: the other one's rename came between."""
    project = tmp_path / "project"
    made_by_other = {"metadata.yaml": "the other's"}
    monkeypatch.setattr("penstock_runtime.project.starter.STARTER", made_by_other | {"extra": "x"})
    real = entrypoint.tempfile.mkdtemp

    def other_first(**options):
        made = real(**options)
        project.mkdir()
        (project / "metadata.yaml").write_text("the first one's")
        return made

    monkeypatch.setattr(entrypoint.tempfile, "mkdtemp", other_first)
    assert not entrypoint.make_starter(project)
    assert (project / "metadata.yaml").read_text() == "the first one's"
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_an_empty_mount_point_cannot_be_renamed_onto_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(entrypoint.os.path, "ismount", lambda path: path == tmp_path)
    with pytest.raises(OSError, match="it is an empty mount point: name a folder below it"):
        entrypoint.make_starter(tmp_path)


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.EACCES, True), (errno.EROFS, True), (errno.ENOSPC, False), (errno.EBUSY, False)]
)
def test_a_share_of_another_owner_says_what_to_do(tmp_path, number, advice):
    said = entrypoint.refusal(tmp_path, OSError(number, "no"))
    assert ("must be writable for" in said) is advice


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("127.0.0.1", 6789)),
        ({"INSTANCE_TYPE": "web_server", "PENSTOCK_PORT": "80", "PENSTOCK_HOST": "0.0.0.0"}, ("127.0.0.1", 80)),
        ({"INSTANCE_TYPE": "server_and_scheduler", "PENSTOCK_HEALTH_PORT": "1"}, ("127.0.0.1", 6789)),
        ({"INSTANCE_TYPE": "scheduler", "PENSTOCK_HEALTH_PORT": "81", "PENSTOCK_HOST": "::"}, ("::1", 81)),
        ({"INSTANCE_TYPE": "scheduler", "PENSTOCK_HOST": "10.0.0.7"}, ("10.0.0.7", 6790)),
    ],
)
def test_health_is_asked_where_the_role_answers(environ, expected):
    assert health.address(environ) == expected
