"""What a stack costs: every price has a source and a date, every line adds up, nothing that is billed is missing."""

from __future__ import annotations

import re
from datetime import date
from itertools import product

import pytest

from penstock_platform.blueprint import Blueprint
from penstock_platform.cost import LINE_IDS, estimate
from penstock_platform.planning import blueprint_of
from penstock_platform.prices import price_table
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.sizes import CACHES, DATABASES
from penstock_platform.vocabulary import Cloud, Size, SparkMode, Topology
from support.stack_configs import blueprint_keys, config_of

EVERY = list(product(Cloud, Topology))
VENDORS = {
    Cloud.AWS: "https://aws.amazon.com/",
    Cloud.GCP: "https://cloud.google.com/",
    Cloud.AZURE: "https://azure.microsoft.com/",
    Cloud.KUBERNETES: "https://aws.amazon.com/",
}
# Dollars a month that were worked out apart from this code, for stacks of these sizes.
TWICE = {"scheduler": {"cpu": "2", "memory": "4Gi"}, "database": {"size": "medium"}}
WORKED_OUT = [
    ("aws", "single", TWICE, 190),
    ("aws", "ha", {}, 410 - 95 + 245),  # with a database that can fail over instead of a burstable one
    ("gcp", "single", TWICE | {"domain": "penstock.example.com"}, 220),
    ("gcp", "ha", {"domain": "penstock.example.com"}, 570),
    ("azure", "single", TWICE, 300),
    ("azure", "ha", {}, 760),
]


def blueprint(cloud, topology, **keys) -> Blueprint:
    return blueprint_of(blueprint_keys(config_of(cloud, topology, **keys)))


def line(found: Blueprint, id: str):
    return next((one for one in estimate(found).lines if one.id == id), None)


@pytest.mark.parametrize("cloud", Cloud)
def test_every_price_has_its_vendors_page_and_a_date(cloud):
    table = price_table(cloud)
    assert table.region
    for name, price in table.prices.items():
        assert price.usd > 0, name
        assert price.source.startswith(VENDORS[cloud]), name
        assert "pricing" in price.source, name
        assert date(2026, 1, 1) <= date.fromisoformat(price.as_of), name
        assert price.per in {"hour", "second", "month", "use"}, name
        assert isinstance(price.checked, bool), name
    assert table.as_of == min(price.as_of for price in table.prices.values())


@pytest.mark.parametrize("cloud", [Cloud.AWS, Cloud.GCP, Cloud.AZURE])
def test_every_size_has_a_price_and_a_larger_one_costs_more(cloud):
    month = {name: price.month for name, price in price_table(cloud).prices.items()}
    assert set(DATABASES[cloud]) == set(CACHES[cloud]) == set(Size)
    for group in ("database", "cache"):
        prices = [month[f"{group}.{size}"] for size in Size]
        units = [CACHES[cloud][size].memory_mib if cloud is Cloud.GCP and group == "cache" else 1 for size in Size]
        costs = [price * unit for price, unit in zip(prices, units, strict=True)]
        assert costs == sorted(costs), group


@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("size", Size)
def test_every_choice_of_sizes_can_be_priced(cloud, size):
    keys = {"database": {"size": size}, "redis": {"size": size}}
    assert estimate(blueprint(cloud, "split", **keys)).minimum > 0
    if not DATABASES[cloud][size].burstable:
        assert estimate(blueprint(cloud, "ha", **keys)).minimum > 0


@pytest.mark.parametrize("mode", SparkMode)
@pytest.mark.parametrize("cloud", Cloud)
def test_spark_costs_nothing_while_idle_but_for_a_shared_cluster_that_stays(cloud, mode):
    found = line(blueprint(cloud, "single", spark={"mode": mode}), "spark")
    if mode is SparkMode.OFF:
        assert found is None
    elif mode is SparkMode.SHARED and cloud in {Cloud.AWS, Cloud.GCP}:
        assert 0 < found.minimum < found.maximum
    else:
        assert (found.minimum, found.maximum) == (0, 0)
        assert "while idle" in found.note


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_lines_are_known_and_add_up(cloud, topology):
    found = estimate(blueprint(cloud, topology))
    ids = [one.id for one in found.lines]
    assert ids == sorted(set(ids), key=LINE_IDS.index)
    assert found.minimum == pytest.approx(sum(one.minimum for one in found.lines), abs=0.01)
    assert found.maximum == pytest.approx(sum(one.maximum for one in found.lines), abs=0.01)
    for one in found.lines:
        assert 0 <= one.quantity <= one.most, one
        assert one.minimum == pytest.approx(one.quantity * one.unit_price, abs=0.01), one
        assert one.maximum == pytest.approx(one.most * one.unit_price, abs=0.01), one
        assert one.item, one
        assert one.unit, one
    assert (found.currency, found.region) == ("USD", price_table(cloud).region)
    assert found.region in found.assumptions[0]


@pytest.mark.parametrize(("cloud", "topology"), EVERY)
def test_every_service_database_cache_and_share_has_a_line(cloud, topology):
    made = blueprint(cloud, topology)
    ids = {one.id for one in estimate(made).lines}
    assert {service.name for service in made.services} | {"database", "database-storage", "share"} <= ids
    assert ("cache" in ids) == (made.cache is not None)
    if cloud is not Cloud.KUBERNETES:
        assert {"network-nat", "public-ip", "bucket", "registry", "secrets", "logs", "alarms", "backups"} - ids == (
            {"backups"} if cloud is Cloud.AZURE else set()
        )
        assert "balancer" in ids or made.front.domain is None


@pytest.mark.parametrize("cloud", Cloud)
def test_the_most_differs_where_a_service_scales(cloud):
    web = line(blueprint(cloud, "autoscale", web={"min": 2, "max": 8}), "web")
    assert (web.quantity, web.most) == (2, 8)
    assert web.maximum == pytest.approx(4 * web.minimum, abs=0.05)
    fixed = line(blueprint(cloud, "ha"), "web")
    assert fixed.minimum == fixed.maximum


@pytest.mark.parametrize("cloud", Cloud)
def test_a_dearer_topology_costs_more(cloud):
    costs = [estimate(blueprint(cloud, topology)) for topology in Topology]
    assert [cost.minimum for cost in costs] == sorted(cost.minimum for cost in costs)
    assert [cost.maximum for cost in costs] == sorted(cost.maximum for cost in costs)
    assert costs[0].minimum < costs[1].minimum < costs[2].minimum


@pytest.mark.parametrize(("cloud", "topology", "keys", "dollars"), WORKED_OUT)
def test_totals_are_near_what_was_worked_out_apart(cloud, topology, keys, dollars):
    assert estimate(blueprint(cloud, topology, **keys)).minimum == pytest.approx(dollars, rel=0.2)


def test_one_fargate_container_is_priced_as_its_vendor_does():
    assert line(blueprint("aws", "single"), "penstock").unit_price == pytest.approx(730 * (0.04048 + 2 * 0.004445))


def test_what_is_private_has_no_public_addresses_but_its_gateways():
    public, private = blueprint("aws", "single"), blueprint("aws", "single", exposure="private")
    assert line(public, "public-ip").quantity - line(private, "public-ip").quantity == public.network.zones


def test_a_database_outside_the_cluster_is_not_counted():
    keys = {"issuer": "letsencrypt", "databaseSecret": "elsewhere", "redisSecret": "elsewhere"}
    ids = {one.id for one in estimate(blueprint("kubernetes", "ha", kubernetes=keys)).lines}
    assert ids & {"database", "database-storage", "cache"} == set()


def test_a_port_forward_needs_no_balancer():
    keys = {"cloud": "kubernetes", "topology": "single", "exposure": "portForward"}
    assert line(blueprint_of(keys), "balancer") is None


def test_a_cluster_says_that_it_is_the_operators_own():
    assert any("cluster itself" in words for words in estimate(blueprint("kubernetes", "single")).assumptions)


def test_a_price_that_nobody_else_names_is_said_to_be_uncertain():
    found = estimate(blueprint("gcp", "single"))
    assert any(not one.checked for one in found.lines)
    assert any("~" in words for words in found.assumptions)


@pytest.mark.parametrize("cloud", Cloud)
def test_a_budget_is_held_to_the_most_that_a_stack_may_cost(cloud):
    cost = estimate(blueprint(cloud, "autoscale"))
    assert blueprint(cloud, "autoscale", monthlyBudget=cost.maximum).monthly_budget == cost.maximum
    with pytest.raises(BlueprintInvalid) as failed:
        blueprint(cloud, "autoscale", monthlyBudget=cost.maximum - 0.01)
    [problem] = failed.value.problems
    assert problem.key == "monthlyBudget"
    assert f"{cost.maximum:.2f}" in problem.message
    assert re.search(r"cheaper topology", problem.message)


def test_a_budget_is_looked_at_only_when_nothing_else_is_wrong():
    with pytest.raises(BlueprintInvalid) as failed:
        blueprint("aws", "ha", monthlyBudget=1, database={"size": "small"})
    assert [problem.key for problem in failed.value.problems] == ["database.size"]
