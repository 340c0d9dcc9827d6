"""What executors and Spark find in a cluster, and the image that they run."""

from __future__ import annotations

import pytest
import yaml

from penstock_infra.program import main
from support.engine.records import EngineFailed
from support.engine.tokens import ROOT
from support.engine.wire import UNKNOWN
from support.kubernetes.rendering import IMAGE, SPARK_MODES, config_of

REPOSITORY = "registry.example.com:5000/team/penstock"


def plain(stack, name):
    return {each["name"]: each.get("value") for each in stack.container("Deployment", name)["env"]}


@pytest.mark.parametrize("mode", SPARK_MODES)
def test_spark_runs_as_pods_of_the_jobs_namespace_or_not_at_all(rendering, mode):
    stack = rendering("split", "portForward", mode)
    made = {one["metadata"]["name"] for one in stack.of("ServiceAccount")}
    if mode == "off":
        assert stack.outputs["spark"] == {"backend": "off"}
        assert "spark" not in made
        assert not any("SPARK" in name for name in plain(stack, "scheduler"))
    else:
        assert stack.outputs["spark"] == {
            "backend": "kubernetes",
            "namespace": "penstock-jobs",
            "serviceAccount": "spark",
        }
        assert stack.named("ServiceAccount", "spark", "penstock-jobs")
        assert plain(stack, "scheduler")["PENSTOCK_SPARK_SERVICE_ACCOUNT"] == "spark"
        assert plain(stack, "scheduler")["PENSTOCK_SPARK_BACKEND"] == "kubernetes"


def test_the_service_that_runs_blocks_knows_what_executors_need(rendering):
    for topology, name in (("single", "penstock"), ("autoscale", "scheduler")):
        stack = rendering(topology)
        settings = stack.outputs["executorSettings"]
        assert settings.items() <= plain(stack, name).items()
        assert settings["PENSTOCK_K8S_NAMESPACE"] == "penstock-jobs"
        assert settings["PENSTOCK_K8S_SERVICE_ACCOUNT"] == "job"
        assert settings["PENSTOCK_JOB_IMAGE"] == IMAGE
    assert not settings.keys() & plain(rendering("autoscale"), "web").keys()


def test_the_bindings_are_of_the_stacks_own_accounts_to_roles_of_the_jobs(rendering):
    stack = rendering("autoscale")
    executor = stack.named("RoleBinding", "executor", "penstock-jobs")
    assert executor["subjects"] == [{"kind": "ServiceAccount", "name": "scheduler", "namespace": "penstock"}]
    assert stack.named("RoleBinding", "spark", "penstock-jobs")["subjects"][0]["namespace"] == "penstock-jobs"
    assert stack.named("RoleBinding", "scaler-token")["subjects"][0]["name"] == "scheduler"
    assert stack.named("RoleBinding", "scaler")["subjects"][0]["name"] == "scaler"


def test_no_role_has_a_wildcard(rendering):
    for role in rendering("autoscale").of("Role"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_the_given_image_is_run_as_it_is(rendering):
    assert rendering("split").outputs["image"] == IMAGE
    assert rendering("split").outputs["registry"] == "registry.example.com/penstock"


def test_without_one_the_image_is_built_and_pushed_to_the_named_repository(rendering):
    stack = rendering("split", image=None, kubernetes={"registry": REPOSITORY})
    (built,) = stack.record.of("docker-build:index:Image")
    assert built.inputs["push"] is True
    assert [tag.rsplit(":", 1)[0] for tag in built.inputs["tags"]] == [REPOSITORY]
    assert "registries" not in built.inputs
    assert stack.outputs["image"].startswith(f"{REPOSITORY}@sha256:")
    assert stack.outputs["registry"] == REPOSITORY
    assert stack.container("Deployment", "web")["image"] == stack.outputs["image"]
    assert plain(stack, "scheduler")["PENSTOCK_JOB_IMAGE"] == stack.outputs["image"]


def test_what_no_cluster_takes_is_refused_at_once_and_before_anything_is_made(engine_stack):
    config = config_of("split", image=None, tags={"team": "data & more"}, kubernetes={"registry": "no repository"})
    stack = engine_stack(main, config)
    with pytest.raises(EngineFailed) as failure:
        stack.up()
    said = str(failure.value)
    assert "penstock:kubernetes.registry: 'no repository' is no repository" in said
    assert "penstock:tags: team=data & more is no label" in said
    assert stack.cloud.objects == {}
    stack.set_config(kubernetes={}, tags={})
    with pytest.raises(EngineFailed, match=r"penstock:image: a cluster has no registry of its own"):
        stack.up()


@pytest.mark.parametrize("key", ["postgresImage", "redisImage"])
def test_images_of_data_are_given_by_digest_alone(engine_stack, key):
    stack = engine_stack(main, config_of("split", kubernetes={key: "postgres:17"}))
    with pytest.raises(EngineFailed, match=rf"kubernetes\.{key}: an image is given by digest"):
        stack.up()


def test_the_example_stack_makes_a_plan(engine_stack):
    example = yaml.safe_load((ROOT / "infra" / "stacks" / "Pulumi.kubernetes.yaml").read_text())["config"]
    outputs = engine_stack(main, example).preview().outputs
    assert outputs["topology"] == "split"
    assert outputs["registry"] in {"registry.example.com/penstock", UNKNOWN}
