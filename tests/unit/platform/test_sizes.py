"""Containers, storage and shares are what each cloud allows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_platform.quantities import cpu_millis, cpu_text, memory_mib, memory_text
from penstock_platform.sizes import CACHES, DATABASES, fit_container, fit_storage
from penstock_platform.vocabulary import Cloud, Size

UNHURRIED = settings(deadline=None)  # a machine that does other work is no failure

cpus = st.integers(250, 8000)
memories = st.integers(512, 32 * 1024)


def allowed(cloud: Cloud, cpu: int, memory: int) -> bool:
    """Whether the cloud's own page on limits has this size, written anew from that page."""
    if cloud is Cloud.AWS:
        steps = {250: (512, 1024, 2048), 500: range(1024, 4097, 1024), 1000: range(2048, 8193, 1024)}
        steps |= {2000: range(4096, 16385, 1024), 4000: range(8192, 30721, 1024), 8000: range(16384, 61441, 4096)}
        return memory in steps.get(cpu, ())
    if cloud is Cloud.GCP:
        most = {1000: 4096, 2000: 8192, 4000: 16384, 6000: 24576, 8000: 32768}
        least = {1000: 512, 2000: 512, 4000: 2048, 6000: 4096, 8000: 4096}
        return cpu in most and least[cpu] <= memory <= most[cpu]
    if cloud is Cloud.AZURE:
        return cpu % 250 == 0 and 250 <= cpu <= 4000 and memory * 250 == cpu * 512
    return True


@UNHURRIED
@given(st.sampled_from(list(Cloud)), cpus, memories)
def test_a_container_holds_what_was_asked_and_is_one_that_the_cloud_has(cloud, cpu, memory):
    fitted = fit_container(cloud, cpu, memory)
    if fitted is None:
        assert cloud is not Cloud.KUBERNETES
        assert cpu > 4000 or memory > 8192
        return
    assert fitted.cpu_millis >= cpu
    assert fitted.memory_mib >= memory
    assert allowed(cloud, fitted.cpu_millis, fitted.memory_mib)
    rounded = (fitted.cpu_millis, fitted.memory_mib) != (cpu, memory)
    assert (fitted.note is not None) == rounded


@UNHURRIED
@given(st.sampled_from(list(Cloud)), cpus, memories)
def test_a_container_that_fits_is_left_alone(cloud, cpu, memory):
    fitted = fit_container(cloud, cpu, memory)
    if fitted is not None:
        again = fit_container(cloud, fitted.cpu_millis, fitted.memory_mib)
        assert (again.cpu_millis, again.memory_mib, again.note) == (fitted.cpu_millis, fitted.memory_mib, None)


@pytest.mark.parametrize(
    ("cloud", "asked", "given_"),
    [
        ("aws", (500, 1024), (500, 1024)),
        ("aws", (1000, 1024), (1000, 2048)),
        ("aws", (6000, 12288), (8000, 16384)),
        ("gcp", (500, 1024), (1000, 1024)),
        ("gcp", (1000, 5000), (2000, 5000)),
        ("azure", (1000, 4096), (2000, 4096)),
        ("kubernetes", (333, 777), (333, 777)),
    ],
)
def test_the_next_size_is_taken(cloud, asked, given_):
    fitted = fit_container(Cloud(cloud), *asked)
    assert (fitted.cpu_millis, fitted.memory_mib) == given_


@pytest.mark.parametrize(("cloud", "asked"), [("azure", (4000, 8193)), ("azure", (4001, 4096)), ("gcp", (1000, 32769))])
def test_what_no_container_holds_is_none(cloud, asked):
    assert fit_container(Cloud(cloud), *asked) is None


@UNHURRIED
@given(st.sampled_from(list(Cloud)), st.integers(10, 16384))
def test_storage_holds_what_was_asked(cloud, asked):
    fitted = fit_storage(cloud, asked)
    assert fitted >= asked
    assert fit_storage(cloud, fitted) == fitted


@pytest.mark.parametrize(
    ("cloud", "asked", "storage"),
    [("aws", 10, 20), ("aws", 21, 21), ("gcp", 10, 10), ("azure", 20, 32), ("azure", 33, 64), ("azure", 16384, 16384)],
)
def test_storage_comes_in_the_clouds_own_steps(cloud, asked, storage):
    assert fit_storage(Cloud(cloud), asked) == storage


@pytest.mark.parametrize("cloud", Cloud)
def test_sizes_grow(cloud):
    databases = [DATABASES[cloud][size] for size in Size]
    assert [one.memory_mib for one in databases] == sorted({one.memory_mib for one in databases})
    assert [one.max_connections for one in databases] == sorted(one.max_connections for one in databases)
    caches = [CACHES[cloud][size].memory_mib for size in Size]
    assert caches == sorted(set(caches))


@UNHURRIED
@given(st.integers(1, 64_000), st.integers(1, 1 << 22))
def test_quantities_are_read_as_they_are_written(cpu, memory):
    assert cpu_millis(cpu_text(cpu)) == cpu
    assert memory_mib(memory_text(memory)) == memory


@pytest.mark.parametrize(("text", "millis"), [("500m", 500), ("1", 1000), ("1.5", 1500), (2, 2000), (0.25, 250)])
def test_cpu_is_read_as_kubernetes_writes_it(text, millis):
    assert cpu_millis(text) == millis


@pytest.mark.parametrize("wrong", ["", "-1", "1k", True, None, "500 m", "1e3", [1]])
def test_what_is_no_cpu_is_refused(wrong):
    with pytest.raises(ValueError, match="no CPU quantity"):
        cpu_millis(wrong)


@pytest.mark.parametrize("wrong", ["", "2", 2048, "2G", "2 gb", None, "-1Gi"])
def test_what_is_no_memory_is_refused(wrong):
    with pytest.raises(ValueError, match="no memory quantity"):
        memory_mib(wrong)
