"""From config to blueprint: pure, total, and made of parts that fit each other."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from penstock_platform import planning
from penstock_platform.blueprint import Blueprint, Permission, Rollout, ScaledBy, SecretName, Source
from penstock_platform.contract import BY_NAME
from penstock_platform.cost import estimate
from penstock_platform.networks import RESERVED, ZONES, cut, network_problems
from penstock_platform.options import StackOptions
from penstock_platform.planning import DRAIN_SECONDS, blueprint_of, plan
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.rules import problems_between
from penstock_platform.service_settings import spark_backend
from penstock_platform.setting import Kind
from penstock_platform.sizes import fit_container
from penstock_platform.vocabulary import Cloud, Executor, Exposure, ServiceRole, Size, SparkMode, Tier, Topology
from support.stack_configs import blueprint_keys, config_of

UNHURRIED = settings(deadline=None)  # a machine that does other work is no failure

EVERY = list(product(Cloud, Topology))


def made(cloud, topology, **keys) -> Blueprint:
    return blueprint_of(blueprint_keys(config_of(cloud, topology, **keys)))


@st.composite
def any_options(draw) -> StackOptions:
    """Options of any kind: each key within what it allows by itself, and nothing said of how keys fit together."""
    maybe = lambda strategy: st.none() | strategy  # noqa: E731 - a name for one word
    counts = {"min": maybe(st.integers(1, 50)), "max": maybe(st.integers(1, 50))}
    size = {
        "cpu": maybe(st.sampled_from(["250m", "500m", "1", "3", "8"])),
        "memory": maybe(st.sampled_from(["512Mi", "3Gi", "32Gi"])),
    }
    group = lambda **fields: st.fixed_dictionaries({}, optional=fields)  # noqa: E731 - the same
    keys = draw(
        st.fixed_dictionaries(
            {"cloud": st.sampled_from(Cloud), "topology": st.sampled_from(Topology)},
            optional={
                "domain": st.just("penstock.example.com"),
                "certificate": st.sampled_from(["arn:aws:acm:x", "mine"]),
                "exposure": st.sampled_from(Exposure),
                "allowed_cidrs": st.lists(st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24"]), max_size=2),
                "network_cidr": st.sampled_from(
                    ["10.0.0.0/16", "172.17.0.0/20", "172.16.0.0/12", "8.0.0.0/16", "10.1.2.3"]
                ),
                "avoid_cidrs": st.lists(st.just("10.0.128.0/20"), max_size=1),
                "web": group(**counts, **size),
                "scheduler": group(**counts, **size, slots=maybe(st.integers(1, 1000))),
                "database": group(size=st.sampled_from(Size), storage_gb=st.integers(10, 16384)),
                "redis": group(size=st.sampled_from(Size)),
                "files": group(tier=st.sampled_from(Tier), size_gb=st.integers(10, 1000)),
                "spark": group(mode=st.sampled_from(SparkMode), max_workers=st.integers(1, 100)),
                "executors": st.lists(st.sampled_from(Executor), max_size=3),
                "protect_data": st.booleans(),
                "monthly_budget": maybe(st.floats(1, 5000)),
                "kubernetes": group(issuer=st.just("x"), database_secret=st.just("x"), redis_secret=st.just("x")),
            },
        )
    )
    return StackOptions(**keys)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(any_options())
def test_any_options_make_a_blueprint_or_say_why_not(options):
    if problems := problems_between(options):
        with pytest.raises(BlueprintInvalid) as failed:
            plan(options)
        assert failed.value.problems == tuple(problems)
        return
    unbound = plan(options.model_copy(update={"monthly_budget": None}))
    assert_fits_together(unbound)
    cost = estimate(unbound).maximum
    if options.monthly_budget is None or options.monthly_budget >= cost:
        assert plan(options) == plan(options) == unbound.model_copy(update={"monthly_budget": options.monthly_budget})
    else:
        with pytest.raises(BlueprintInvalid, match="monthlyBudget"):
            plan(options)


def assert_fits_together(blueprint: Blueprint) -> None:
    """What holds of every blueprint there is."""
    assert [service.role is not ServiceRole.SCHEDULER for service in blueprint.services].count(True) == 1
    assert [service.role is not ServiceRole.WEB for service in blueprint.services].count(True) == 1
    for service in blueprint.services:
        assert 1 <= service.minimum <= service.maximum
        assert (service.minimum < service.maximum) == (service.scaled_by is not ScaledBy.NOBODY)
        fitted = fit_container(blueprint.cloud, service.cpu_millis, service.memory_mib)
        assert (fitted.cpu_millis, fitted.memory_mib) == (service.cpu_millis, service.memory_mib)
        identity = blueprint.identity(service.identity)
        assert {setting.secret for setting in service.settings if setting.secret} <= set(identity.secrets)
        assert {service.startup.port, service.liveness.port, service.readiness.port} == {service.probe_port}
        assert service.probe_port in {service.web_port, service.health_port}
    assert {name for one in blueprint.identities for name in one.secrets} <= set(blueprint.secrets)
    assert blueprint.identity(blueprint.jobs.identity).secrets == ()
    assert (SecretName.REDIS_URL in blueprint.secrets) == (blueprint.cache is not None)
    assert (blueprint.scaling is not None) == (blueprint.topology is Topology.AUTOSCALE)


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_one_config_gives_one_blueprint(cloud, topology):
    first = made(cloud, topology)
    assert first == made(cloud, topology)
    assert first.model_dump_json() == made(cloud, topology).model_dump_json()
    assert Blueprint.model_validate_json(first.model_dump_json()) == first
    assert_fits_together(first)


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_a_blueprint_is_frozen(cloud, topology):
    with pytest.raises(ValueError, match="frozen"):
        made(cloud, topology).name = "other"


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_every_setting_of_every_service_is_in_the_contract(cloud, topology):
    for service in made(cloud, topology).services:
        names = [setting.name for setting in service.settings]
        assert names == sorted(set(names))
        for setting in service.settings:
            known = BY_NAME[setting.name]
            assert sum(part is not None for part in (setting.value, setting.source, setting.secret)) == 1
            assert known.secret == (setting.secret is not None), setting.name
            if known.kind is Kind.CHOICE and setting.value is not None:
                assert setting.value in known.choices
            if known.kind is Kind.INTEGER and setting.value is not None:
                assert (known.minimum or 0) <= int(setting.value) <= (known.maximum or float("inf"))


def test_the_runtime_reads_what_a_stack_writes(tmp_path):
    from penstock_runtime.settings import read_settings

    resolved = {
        Source.DATABASE_HOST: "db", Source.DATABASE_PORT: "5432", Source.CA_FILE: "/etc/ca.pem",
        Source.DATABASE_SECRET: "aws:arn:aws:secretsmanager:eu-central-1:1:secret:x",
        Source.TRUSTED_PROXIES: "10.40.0.0/16", Source.PUBLIC_URL: "https://penstock.example.com",
        Source.JOBS_URL: "http://jobs", Source.ARTIFACTS_URL: "s3://x/artifacts", Source.LOGS_URL: "s3://x/logs",
    }  # fmt: skip
    secrets = {
        SecretName.ENCRYPTION_KEY: "o5SPIXVTSGdgt8sHyDbWqN1tWGHkkqjBLjHk6NSGLqE=", SecretName.OWNER_CODE: "0" * 32,
        SecretName.DATABASE_PASSWORD: "word", SecretName.REDIS_URL: "rediss://x:6379/0",
    }  # fmt: skip
    for cloud, topology in EVERY:
        for service in made(cloud, topology).services:
            written = {
                one.name: one.value or resolved.get(one.source) or secrets.get(one.secret) for one in service.settings
            }
            read = read_settings(written, project_dir=tmp_path)
            assert read.instance_type == service.role.value
            assert read.drain_seconds == DRAIN_SECONDS
            assert read.slots == service.slots or service.role is ServiceRole.WEB


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_only_the_scheduler_may_start_jobs_and_only_the_scaler_may_scale(cloud, topology):
    blueprint = made(cloud, topology)
    holders = {
        permission: {one.name for one in blueprint.identities if permission in one.may} for permission in Permission
    }
    assert holders[Permission.START_JOBS] == {blueprint.scheduler.name}
    assert holders[Permission.SCALE_SCHEDULER] == ({"scaler"} if topology is Topology.AUTOSCALE else set())
    assert holders[Permission.READ_SECRETS] == {service.name for service in blueprint.services}
    assert blueprint.identity("job").may == (Permission.PULL_IMAGE, Permission.WRITE_LOGS)


def test_the_owner_code_is_for_the_web_server_alone():
    web, scheduler = made("gcp", "split").identities[:2]
    assert SecretName.OWNER_CODE in web.secrets
    assert SecretName.OWNER_CODE not in scheduler.secrets


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_a_lone_scheduler_is_never_rolled(cloud, topology):
    blueprint = made(cloud, topology)
    two_zones = topology in {Topology.HA, Topology.AUTOSCALE}
    assert blueprint.scheduler.rollout is (Rollout.ROLLING if two_zones else Rollout.STOP_THEN_START)
    if topology is not Topology.SINGLE:
        assert blueprint.web.rollout is Rollout.ROLLING
    in_cluster = cloud is Cloud.KUBERNETES
    assert blueprint.database.multi_zone == (two_zones and not in_cluster)
    assert (blueprint.cache is not None) == two_zones
    assert blueprint.database.backup_days >= 7


@pytest.mark.parametrize("cloud", [Cloud.AWS, Cloud.GCP, Cloud.AZURE])
@pytest.mark.parametrize("prefix", [16, 17, 18, 19, 20])
def test_subnets_lie_in_the_network_and_apart(cloud, prefix):
    network = IPv4Network(f"10.32.0.0/{prefix}")
    subnets = cut(cloud, str(network))
    ranges = [IPv4Network(subnet.cidr) for subnet in subnets]
    assert all(one.subnet_of(network) for one in ranges)
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))
    assert len({subnet.name for subnet in subnets}) == len(subnets)
    assert all(one.prefixlen <= 27 for one in ranges)  # the least that Container Apps takes
    for purpose in {subnet.purpose for subnet in subnets}:
        zones = [subnet.zone for subnet in subnets if subnet.purpose == purpose]
        assert zones in ([None], list(range(ZONES)))


@UNHURRIED
@given(st.sampled_from([Cloud.AWS, Cloud.GCP, Cloud.AZURE]), st.integers(16, 20), st.integers(0, 2**16 - 1))
def test_a_network_without_problems_meets_nothing_that_is_kept(cloud, prefix, place):
    network = IPv4Network((0x0A000000 + (place << 8), prefix), strict=False)
    assert network_problems(cloud, str(network), ()) == []
    assert not any(network.overlaps(IPv4Network(text)) for text, _ in RESERVED[cloud])


def test_rounding_up_is_said():
    assert (
        "web: 500m CPU and 1Gi rounded up to 1 CPU and 1Gi, the next size that gcp has." in made("gcp", "split").notes
    )
    notes = made("azure", "single", database={"storageGb": 100}).notes
    assert "database: 100 GiB of storage rounded up to 128, the next size that azure has." in notes
    assert not any("rounded" in note for note in made("aws", "split").notes)


def test_slots_that_are_given_are_taken():
    assert made("aws", "single", scheduler={"slots": 7}).scheduler.slots == 7
    assert made("aws", "single", scheduler={"cpu": "2", "memory": "4Gi"}).scheduler.slots == 8


def test_own_tags_join_ours():
    tags = made("gcp", "ha", tags={"team": "data"}).tags
    assert tags == {"app": "penstock", "stack": "penstock", "topology": "ha", "team": "data"}


@pytest.mark.parametrize("cloud", Cloud)
def test_every_job_size_is_a_container_that_the_cloud_has(cloud):
    jobs = made(cloud, "single").jobs
    assert len({size.name for size in jobs.sizes}) == len(jobs.sizes) >= 3
    for size in jobs.sizes:
        fitted = fit_container(cloud, size.cpu_millis, size.memory_mib)
        assert (fitted.cpu_millis, fitted.memory_mib) == (size.cpu_millis, size.memory_mib)


@pytest.mark.parametrize(("cloud", "mode"), list(product(Cloud, SparkMode)))
def test_a_spark_backend_is_one_of_the_contract(cloud, mode):
    backend = spark_backend(cloud, mode)
    assert (backend is None) == (mode is SparkMode.OFF)
    assert backend is None or backend in BY_NAME["PENSTOCK_SPARK_BACKEND"].choices


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_what_waits_for_the_runtime_is_said(cloud, topology):
    notes = " ".join(made(cloud, topology).notes)
    assert "executor is prepared and not in this release yet" in notes
    assert "stand by to take over" not in notes
    assert ("stays at scheduler.min" in notes) == (topology is Topology.AUTOSCALE)
    assert ("Postgres is one pod" in notes) == (
        cloud is Cloud.KUBERNETES and topology in {Topology.HA, Topology.AUTOSCALE}
    )


@pytest.mark.parametrize("topology", Topology)
def test_where_schedulers_cannot_share_work_it_is_said(monkeypatch, topology):
    monkeypatch.setattr(planning, "SCHEDULERS_SHARE_WORK", False)
    notes = " ".join(made("aws", topology).notes)
    assert ("stand by to take over" in notes) == (topology in {Topology.HA, Topology.AUTOSCALE})


def test_both_spellings_of_a_key_are_one():
    written = {to_camel(name) for name in StackOptions.model_fields}
    assert {"networkCidr", "monthlyBudget", "protectData"} <= written
    assert plan(StackOptions(cloud="gcp", topology="single", protect_data=False)) == made(
        "gcp", "single", protectData=False
    )
