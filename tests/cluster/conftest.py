"""The cluster of this lane: one control plane for the whole run, or the cluster of PENSTOCK_TEST_KUBECONFIG."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster.cluster import Cluster
from support.cluster.control_plane import ControlPlane, built_programs
from support.databases import folder_of
from support.servers import locked

HOW = "there is no cluster to test on: `make test-cluster` builds one, or PENSTOCK_TEST_KUBECONFIG names one"


@pytest.fixture(scope="session")
def kubeconfig(pytestconfig: pytest.Config) -> Path:
    """The administrator's kubeconfig; whoever needs the cluster first starts it."""
    given = os.environ.get("PENSTOCK_TEST_KUBECONFIG")
    if given:
        return Path(given)
    programs = built_programs()
    if programs is None:
        pytest.skip(HOW)
    folder = folder_of(pytestconfig)
    plane = ControlPlane(folder / "cluster", programs)
    with locked(folder / "cluster-lock"):
        if not (folder / "cluster-ready").exists():
            plane.start()
            (folder / "cluster-ready").touch()
    return plane.kubeconfig


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    opened = Cluster.open(kubeconfig)
    yield opened
    opened.close()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own, under restricted Pod Security."""
    with cluster.namespace() as name:
        yield name
