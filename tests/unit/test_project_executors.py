from __future__ import annotations

from pathlib import Path

import pytest

from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.project.executor_choice import Layer, choose, deep_merge, merged, sources
from penstock_runtime.project.project import Installation, open_project
from penstock_runtime.project.quantities import memory_bytes
from penstock_runtime.project.validation import EffectiveValue, effective_config


@pytest.mark.parametrize(
    ("choices", "spark", "expected"),
    [
        ((None, None, "local_python"), False, "local_python"),
        # Editors write local_python on every block, so it is no choice.
        (("local_python", "k8s", "ecs"), False, "k8s"),
        (("local_python", "local_python", "ecs"), False, "ecs"),
        (("ecs", "k8s", "local_python"), False, "ecs"),
        (("local_python_force", "k8s", "ecs"), False, "local_python_force"),
        ((None, "local_python_force", "ecs"), False, "local_python_force"),
        ((None, None, "local_python"), True, "pyspark"),
        (("k8s", "ecs", "local_python"), True, "pyspark"),
        (("local_python_force", None, "ecs"), True, "local_python_force"),
    ],
)
def test_the_choice(choices: tuple[str | None, ...], spark: bool, expected: str):  # noqa: FBT001 - a parameter of the test
    assert choose(choices, spark=spark) == expected


def test_an_unknown_executor_is_refused():
    with pytest.raises(ValueError, match="mainframe"):
        choose(["mainframe"], spark=False)


def test_the_merge_is_deep_and_null_leaves_the_weaker():
    weaker = {"namespace": "jobs", "resource_limits": {"memory": "1Gi", "cpu": 1}}
    stronger = {"namespace": None, "resource_limits": {"cpu": 2}, "labels": None}
    assert deep_merge(weaker, stronger) == {
        "namespace": "jobs",
        "resource_limits": {"memory": "1Gi", "cpu": 2},
        "labels": None,
    }


def test_each_key_is_shown_with_its_source_and_agrees_with_the_merge():
    layers = [
        Layer("project", {"a": {"x": 1, "y": 2}, "b": {"deep": 1}, "c": 5}),
        Layer("pipeline", {"a": {"y": 3}, "b": "flat", "c": None}),
        Layer("block", {"a": {"z": 4}, "c": {"now": "deep"}}),
    ]
    assert sources(layers) == [
        ("a.x", 1, "project"),
        ("a.y", 3, "pipeline"),
        ("a.z", 4, "block"),
        ("b", "flat", "pipeline"),
        ("c.now", "deep", "block"),
    ]
    assert merged(layers) == {"a": {"x": 1, "y": 3, "z": 4}, "b": "flat", "c": {"now": "deep"}}


def test_the_effective_configuration_of_a_block(tmp_path: Path):
    (tmp_path / "pipelines/p").mkdir(parents=True)
    (tmp_path / "metadata.yaml").write_text(
        "k8s_executor_config: {namespace: jobs, resource_limits: {memory: 1Gi, cpu: 1}}\necs_config: {cpu: 512}\n"
    )
    (tmp_path / "pipelines/p/metadata.yaml").write_text(
        "executor_type: k8s\nexecutor_config: {resource_limits: {cpu: 2}}\n"
        "blocks:\n- uuid: a\n  type: custom\n  executor_type: local_python\n"
        "  executor_config: {service_account_name: \"{{ penstock_secret('who') }}\"}\n"
        "- uuid: b\n  type: custom\n  executor_type: ecs\n"
    )
    project = open_project(tmp_path, Installation(default_executor="gcp_cloud_run"))
    assert effective_config(project, "p", "a") == [
        EffectiveValue("executor_type", "k8s", "pipeline executor_type"),
        EffectiveValue("namespace", "jobs", "project k8s_executor_config"),
        EffectiveValue("resource_limits.cpu", 2, "pipeline executor_config"),
        EffectiveValue("resource_limits.memory", "1Gi", "project k8s_executor_config"),
        EffectiveValue("service_account_name", "{{ penstock_secret('who') }}", "block executor_config"),
    ]
    assert effective_config(project, "p", "b")[0] == EffectiveValue("executor_type", "ecs", "block executor_type")
    assert effective_config(project, "p")[0].value == ExecutorType.K8S


@pytest.mark.parametrize("text", ["", "lots", "1Xi", "-1Gi", "0Mi", "1 2", True, 0])
def test_amounts_that_are_none(text: object):
    with pytest.raises(ValueError, match="is not an amount of memory"):
        memory_bytes(text)
