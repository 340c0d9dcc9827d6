"""What holds data on Azure: Postgres, Redis, share, vault, alarms about them, and names."""

from __future__ import annotations

import re

import pytest

from penstock_infra.azure.names import account_name, vault_name, world_name
from penstock_infra.program import main
from support.engine.records import EngineFailed
from support.engine.stacks import EngineStack
from support.stack_configs import DIGEST, config_of

LONG = "a-very--long-name-20"


def test_postgres_of_one_zone_and_of_two(made):
    one, two = (made(topology).inputs("dbforpostgresql:Server") for topology in ("split", "ha"))
    assert (one["highAvailability"]["mode"], one["sku"]["tier"]) == ("Disabled", "Burstable")
    assert (two["highAvailability"]["mode"], two["sku"]["tier"]) == ("ZoneRedundant", "GeneralPurpose")
    assert [server["backup"]["backupRetentionDays"] for server in (one, two)] == [7, 14]


def test_postgres_takes_tls_alone_and_its_setting_stays(made):
    stack = made("split")
    setting = stack.inputs("dbforpostgresql:Configuration")
    assert (setting["configurationName"], setting["value"]) == ("require_secure_transport", "on")
    (kept,) = [one for one in stack.state if one.type == "azure-native:dbforpostgresql:Configuration"]
    assert kept.retain_on_delete


def test_the_disk_is_one_that_azure_has(made):
    assert [
        made(name).inputs("dbforpostgresql:Server")["storage"]["storageSizeGB"] for name in ("split", "split-named")
    ] == [32, 64]


def test_redis_is_tls_on_the_port_that_plain_clients_reach(made):
    redis = made("ha").inputs("redisenterprise:Database")
    assert (redis["clientProtocol"], redis["clusteringPolicy"], redis["port"]) == ("Encrypted", "NoCluster", 10000)


@pytest.mark.parametrize(("topology", "availability"), [("split-named", "Disabled"), ("ha", "Enabled")])
def test_redis_is_replicated_where_the_plan_says_so(made, topology, availability):
    assert made(topology).inputs("redisenterprise:RedisEnterprise")["highAvailability"] == availability


def test_the_vault_decides_by_roles_and_cannot_be_purged(made):
    properties = made("single").inputs("keyvault:Vault")["properties"]
    assert (properties["enableRbacAuthorization"], properties["enablePurgeProtection"]) == (True, True)


def test_a_redis_that_comes_back_has_a_secret_of_another_name(tmp_path):
    """The entry of the last one stays in the vault, so its name is taken."""
    names = set()
    with EngineStack(tmp_path, main, config_of("azure", "ha", image=DIGEST)) as stack:
        for topology in ("ha", "split", "ha"):
            stack.set_config(topology=topology)
            stack.up()
            names |= {one.inputs["secretName"] for one in stack.cloud.live("redis-url")}
    assert len(names) == 2
    assert all(re.fullmatch(r"redis-url-[0-9a-z]{4}", name) for name in names)


def test_a_region_is_asked_for_before_anything_is_made(tmp_path):
    config = config_of("azure", "single")
    del config["azure-native:location"]
    with EngineStack(tmp_path, main, config) as stack:
        with pytest.raises(EngineFailed, match="azure-native:location is missing"):
            stack.up()
        assert stack.cloud.objects == {}


def test_every_alarm_of_the_plan_is_there_and_tells_the_address(made):
    stack = made("ha-watched")
    rules = [*stack.all("monitor:MetricAlert"), *stack.all("monitor:ScheduledQueryRule")]
    assert {one.name for one in rules} == {
        "web-errors", "web-unhealthy", "scheduler-down", "database-cpu", "database-storage", "database-connections",
        "cache-memory", "share-full",
    }  # fmt: skip
    group = stack.one("monitor:ActionGroup")
    assert group.inputs["emailReceivers"][0]["emailAddress"] == "team@example.com"
    for one in stack.all("monitor:MetricAlert"):
        assert one.inputs["actions"] == [{"actionGroupId": group.id}]
    (on_log,) = stack.all("monitor:ScheduledQueryRule")
    assert on_log.inputs["actions"]["actionGroups"] == [group.id]


@pytest.mark.parametrize(
    ("alarm", "metric", "operator", "threshold"),
    [
        ("web-errors", "Requests", "GreaterThan", 10),
        ("scheduler-down", "Replicas", "LessThan", 1),
        ("database-storage", "storage_free", "LessThan", 64 / 5 * 2**30),
        ("share-full", "FileCapacity", "GreaterThan", 80 * 2**30),
    ],
)
def test_alarms_measure_in_the_metrics_own_unit(made, alarm, metric, operator, threshold):
    (criterion,) = made("split-named").inputs("monitor:MetricAlert", alarm)["criteria"]["allOf"]
    assert (criterion["metricName"], criterion["operator"], criterion["threshold"]) == (metric, operator, threshold)


def test_without_an_address_alarms_tell_nobody(made):
    stack = made("ha")
    assert stack.all("monitor:ActionGroup") == []
    assert {one.name for one in stack.all("consumption:Budget")} == set()


def test_a_budget_warns_the_address(made):
    stack = made("ha-watched")
    budget = stack.inputs("consumption:Budget")
    assert (budget["amount"], budget["timeGrain"]) == (5000, "Monthly")
    assert budget["scope"] == stack.one("resources:ResourceGroup", "group").id
    assert {one["contactEmails"][0] for one in budget["notifications"].values()} == {"team@example.com"}


def test_logs_go_to_the_workspace_without_a_key(made):
    stack = made("split")
    workspace = stack.one("operationalinsights:Workspace")
    assert (workspace.inputs["retentionInDays"], workspace.inputs["features"]["disableLocalAuth"]) == (30, True)
    setting = stack.inputs("monitor:DiagnosticSetting")
    assert setting["workspaceId"] == workspace.id
    assert [one["category"] for one in setting["logs"]] == ["ContainerAppConsoleLogs", "ContainerAppSystemLogs"]


def test_names_hold_to_the_tightest_rules():
    assert (
        account_name(LONG, "lake", "a1b2c3") == "averylongnamelakea1b2c3"[:24]
        or len(account_name(LONG, "lake", "a1b2c3")) <= 24
    )
    for name in (account_name(LONG, "lake", "a1b2c3"), account_name("abc", "nfs", "a1b2c3")):
        assert re.fullmatch(r"[a-z][a-z0-9]{2,23}", name)
        assert name.endswith("a1b2c3")
    for name in (vault_name(LONG, "a1b2c3"), world_name(LONG, "a1b2c3")):
        assert "--" not in name
    assert len(vault_name(LONG, "a1b2c3")) <= 24


def test_a_stack_of_the_longest_name_is_made(made):
    assert made("ha-watched").outputs["url"].startswith("https://")
