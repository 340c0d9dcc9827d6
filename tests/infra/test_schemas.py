"""Known facts of known resources: `pulumi._types` is private, and an SDK that changed its form must be noticed here."""

from __future__ import annotations

import pytest

from support.engine import schemas
from support.engine.tokens import UnknownToken, class_of, index_of


@pytest.mark.parametrize(
    ("token", "module", "name"),
    [
        ("aws:ec2/vpc:Vpc", "pulumi_aws.ec2.vpc", "Vpc"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "pulumi_gcp.sql.database_instance", "DatabaseInstance"),
        ("azure-native:app:ContainerApp", "pulumi_azure_native.app.container_app", "ContainerApp"),
        ("kubernetes:apps/v1:Deployment", "pulumi_kubernetes.apps.v1.Deployment", "Deployment"),
        ("docker-build:index:Image", "pulumi_docker_build.image", "Image"),
        ("random:index/randomPassword:RandomPassword", "pulumi_random.random_password", "RandomPassword"),
        ("pulumi:providers:gcp", "pulumi_gcp.provider", "Provider"),
    ],
)
def test_a_token_leads_to_its_class(token, module, name):
    assert class_of(token) == (module, name)


def test_the_index_holds_the_whole_of_an_sdk():
    assert {package: len(index_of(package)) > count for package, count in (("aws", 1500), ("gcp", 1000))} == {
        "aws": True,
        "gcp": True,
    }


@pytest.mark.parametrize("token", ["aws:ec2/vpc:Subnet", "aws:index/nothing:Nothing", "nocloud:index:Thing"])
def test_a_token_of_nothing_is_unknown(token):
    with pytest.raises(UnknownToken):
        schemas.schema_of(token)


def test_scalars_lists_maps_and_outputs_of_aws():
    vpc = schemas.schema_of("aws:ec2/vpc:Vpc")
    assert vpc.required == []
    assert vpc.inputs["cidrBlock"] == "string"
    assert vpc.inputs["enableDnsHostnames"] == "boolean"
    assert vpc.inputs["ipv4NetmaskLength"] == "integer"
    assert vpc.inputs["tags"] == {"map": "string"}
    assert vpc.outputs["arn"] == "string"
    assert "arn" not in vpc.inputs
    assert "cidrBlock" not in vpc.outputs


def test_objects_in_objects_and_required_marks_of_gcp():
    database = schemas.schema_of("gcp:sql/databaseInstance:DatabaseInstance")
    assert database.required == ["databaseVersion"]
    settings = database.objects[database.inputs["settings"]["object"]]
    assert settings.required == ["tier"]
    backups = database.objects[settings.properties["backupConfiguration"]["object"]]
    assert backups.properties["pointInTimeRecoveryEnabled"] == "boolean"
    assert database.outputs["privateIpAddress"] == "string"


def test_open_enums_of_azure():
    account = schemas.schema_of("azure-native:storage:StorageAccount")
    assert set(account.required) == {"kind", "resourceGroupName", "sku"}
    assert account.inputs["kind"]["open"] is True
    assert "FileStorage" in account.inputs["kind"]["enum"]
    sku = account.objects[account.inputs["sku"]["object"]]
    assert sku.required == ["name"]
    assert "Premium_ZRS" in sku.properties["name"]["enum"]


def test_constants_unions_and_names_of_kubernetes():
    deployment = schemas.schema_of("kubernetes:apps/v1:Deployment")
    assert deployment.inputs["kind"] == {"enum": ["Deployment"], "open": False}
    spec = deployment.objects[deployment.inputs["spec"]["object"]]
    assert set(spec.required) == {"selector", "template"}
    port = next(shape for key, shape in deployment.objects.items() if key.endswith("HTTPGetActionArgs"))
    assert port.properties["port"] == {"union": ["integer", "string"]}


def test_closed_enums_and_lists_of_docker_build():
    image = schemas.schema_of("docker-build:index:Image")
    assert image.required == ["push"]
    assert image.inputs["platforms"]["list"]["open"] is False
    assert "linux/arm64" in image.inputs["platforms"]["list"]["enum"]
    registry = image.objects[image.inputs["registries"]["list"]["object"]]
    assert registry.required == ["address"]


def test_a_schema_is_derived_once(monkeypatch):
    first = schemas.schema_of("random:index/randomPassword:RandomPassword")
    schemas.schema_of.cache_clear()
    monkeypatch.setattr(schemas, "DERIVER", None)
    assert schemas.schema_of("random:index/randomPassword:RandomPassword") == first
    assert first.required == ["length"]
