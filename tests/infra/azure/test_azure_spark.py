"""Spark on Azure, in each mode."""

from __future__ import annotations

import pytest

MODES = {"onDemand": ("split", 4), "serverless": ("split-named", 6), "shared": ("split-managed", 6)}
"""Which stack has which mode, and how many workers at the most."""


@pytest.mark.parametrize("mode", MODES)
def test_one_pool_that_pauses_by_itself_serves_every_mode(made, mode):
    name, most = MODES[mode]
    pool = made(name).inputs("synapse:BigDataPool")
    assert pool["autoPause"] == {"enabled": True, "delayInMinutes": 15}
    assert (pool["autoScale"]["minNodeCount"], pool["autoScale"]["maxNodeCount"]) == (3, most + 1)
    assert pool["dynamicExecutorAllocation"] == {"enabled": True, "minExecutors": 1, "maxExecutors": most}
    assert pool["sparkVersion"] == "3.5"


@pytest.mark.parametrize("mode", MODES)
def test_the_executor_is_told_where_spark_is(made, mode):
    stack = made(MODES[mode][0])
    settings = stack.outputs["executorSettings"]
    lake = stack.inputs("storage:StorageAccount", "lake")["accountName"]
    assert settings["PENSTOCK_SPARK_BACKEND"] == stack.outputs["spark"]["backend"] == "synapse"
    assert settings["PENSTOCK_SPARK_URL"] == f"abfss://spark@{lake}.dfs.core.windows.net/"
    assert settings["PENSTOCK_SYNAPSE_WORKSPACE"] == stack.inputs("synapse:Workspace")["workspaceName"]
    assert settings["PENSTOCK_SYNAPSE_POOL"] == "spark"


def test_a_small_pool_has_the_three_nodes_that_synapse_wants(made):
    pool = made("split-certified").inputs("synapse:BigDataPool")
    assert (pool["autoScale"]["minNodeCount"], pool["autoScale"]["maxNodeCount"]) == (3, 3)


def test_without_spark_there_is_none_of_it(made):
    stack = made("single")
    assert not [one.token for one in stack.world.objects.values() if "synapse" in one.token]
    assert stack.outputs["spark"] == {"backend": "off"}
    assert not [name for name in stack.outputs["executorSettings"] if "SPARK" in name or "SYNAPSE" in name]
    assert {one.name for one in stack.all("storage:StorageAccount")} == {"files", "objects"}


def test_the_workspace_is_in_a_managed_network_and_signs_in_by_entra_alone(made):
    stack = made("split")
    workspace = stack.inputs("synapse:Workspace")
    assert workspace["managedVirtualNetwork"] == "default"
    assert workspace["azureADOnlyAuthentication"] is True
    assert workspace["defaultDataLakeStorage"]["createManagedPrivateEndpoint"] is True
    state = next(one for one in stack.state if one.type == "azure-native:synapse:Workspace")
    assert state.inputs["sqlAdministratorLoginPassword"] == "[secret]"


def test_whoever_submits_work_administers_the_workspace_and_only_working_services_are_that(made):
    stack = made("split")
    spark = stack.one("managedidentity:UserAssignedIdentity", "spark")
    admin = stack.inputs("synapse:Workspace")["cspWorkspaceAdminProperties"]["initialWorkspaceAdminObjectId"]
    assert admin == spark.outputs["principalId"]
    carriers = {
        one.name
        for one in stack.all("app:ContainerApp")
        if spark.id in one.inputs["identity"]["userAssignedIdentities"]
    }
    assert carriers == {"scheduler"}


def test_the_lake_has_folders_and_is_closed(made):
    lake = made("split").inputs("storage:StorageAccount", "lake")
    assert (lake["isHnsEnabled"], lake["publicNetworkAccess"], lake["allowSharedKeyAccess"]) == (
        True,
        "Disabled",
        False,
    )
    assert "approve" in "\n".join(made("split").outputs["nextSteps"])
