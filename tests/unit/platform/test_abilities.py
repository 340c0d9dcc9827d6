"""What a blueprint believes of the runtime is what the runtime is."""

from __future__ import annotations

from penstock_platform import abilities
from penstock_platform.contract import BY_NAME
from penstock_platform.executor_contract import EXECUTOR_SETTINGS
from penstock_platform.vocabulary import Cloud, Executor, ServiceRole
from penstock_runtime.bootstrap.components import LOCAL_EXECUTORS
from penstock_runtime.bootstrap.scaler import SCALERS, target_of
from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.settings import read_settings
from support.sources import ROOT, sources

RUNTIME = ROOT / "runtime" / "penstock_runtime"
# How the names of each executor's settings begin.
OF_EXECUTOR = {
    Executor.ECS: "PENSTOCK_ECS_",
    Executor.GCP_CLOUD_RUN: "PENSTOCK_CLOUD_RUN_",
    Executor.AZURE_CONTAINER_INSTANCE: "PENSTOCK_AZURE_",
    Executor.K8S: "PENSTOCK_K8S_",
    Executor.PYSPARK: "PENSTOCK_SPARK_",
}


def planned(name: str) -> bool:
    return BY_NAME[name].planned


def test_executors_are_called_what_the_runtime_calls_them():
    assert {one.value for one in Executor} <= {one.value for one in ExecutorType}
    assert {one.value for one in ExecutorType} - {one.value for one in Executor} == {"local_python_force"}
    assert {one.value for one in Executor} <= set(BY_NAME["DEFAULT_EXECUTOR_TYPE"].choices)


def test_roles_are_those_that_the_runtime_starts():
    assert {role.value for role in ServiceRole} == set(BY_NAME["INSTANCE_TYPE"].choices)


def test_executors_that_are_built_are_those_that_bootstrap_starts():
    started = {one.value for one in LOCAL_EXECUTORS} & {one.value for one in Executor}
    assert {one.value for one in abilities.EXECUTORS_BUILT} == started
    folders = {path.name for path in (RUNTIME / "executors").iterdir() if (path / "__init__.py").exists()}
    assert len(folders) == len(abilities.EXECUTORS_BUILT)


def test_an_executor_is_built_when_its_settings_are_acted_on():
    for executor, prefix in OF_EXECUTOR.items():
        of_it = [setting for setting in EXECUTOR_SETTINGS if setting.name.startswith(prefix)]
        assert of_it
        assert {setting.planned for setting in of_it} == {executor not in abilities.EXECUTORS_BUILT}


def test_schedulers_share_work_when_redis_wakes_them():
    assert planned("REDIS_URL") != abilities.SCHEDULERS_SHARE_WORK
    clients = [source.path for source in sources("runtime/penstock_runtime") if "import redis" in source.text]
    assert bool(clients) == abilities.SCHEDULERS_SHARE_WORK


# How the name of a scheduler service begins on each cloud, as its stack writes it.
SERVICE_NAMES = {
    Cloud.AWS: "arn:aws:ecs:eu-north-1:1:service/penstock/scheduler",
    Cloud.GCP: "projects/p/locations/l/workerPools/penstock-scheduler",
    Cloud.AZURE: "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/scheduler",
    Cloud.KUBERNETES: "scheduler",
}


def test_a_clouds_scaler_is_built_when_bootstrap_has_an_adapter_for_its_services():
    assert not planned("PENSTOCK_SCALER_TARGET"), "the runtime reads it: what it cannot set it says"
    settings = read_settings({"PENSTOCK_SCALER_MAX": "2"})
    spoken = {
        cloud
        for cloud, name in SERVICE_NAMES.items()
        if (target := target_of(settings.with_(scaler_target=name))) is not None and target.scaler is not None
    }
    assert spoken == abilities.SCALERS_BUILT
    adapters = [path for path in (RUNTIME / "scaling").glob("*.py") if "-> Scaler:" in path.read_text()]
    assert len(adapters) == len(SCALERS) == 1 + len(abilities.SCALERS_BUILT), "one for this machine, one for each cloud"


def test_outputs_go_to_a_bucket_when_its_setting_is_acted_on():
    for name in ("PENSTOCK_ARTIFACTS_URL", "PENSTOCK_LOGS_URL"):
        assert planned(name) != abilities.OBJECT_STORES_BUILT


def test_projects_come_from_git_when_a_setting_names_the_repository():
    assert any(name.startswith("PENSTOCK_PROJECT_") for name in BY_NAME) == abilities.GIT_PROJECTS_BUILT
