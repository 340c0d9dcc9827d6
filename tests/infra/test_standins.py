"""The stand-in providers are honest: they refuse what a provider or its cloud refuses, and give back what one gives."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pulumi_random
import pytest

from support.engine.records import SECRET_MARK
from support.engine.stacks import EngineFailed
from support.engine.wire import UNKNOWN

VPC = "aws:ec2/vpc:Vpc"
DATABASE = "aws:rds/instance:Instance"


@pytest.fixture
def toy(engine_stack):
    """Return a maker of stacks of a toy program, which the project's config declarations do not bind."""
    return lambda program, config=None, **others: engine_stack(program, config, declared={}, **others)


def on_aws(**options):
    """Options with an explicit provider, as the default ones are off."""
    return pulumi.ResourceOptions(provider=aws.Provider("aws", region="eu-central-1"), **options)


def raw(token, name, properties, options):
    """Register a resource past the SDK's own constructor, as a program with a wrong type hint would."""
    return pulumi.CustomResource(token, name, properties, options)


@pytest.mark.parametrize(
    ("token", "properties", "said"),
    [
        (VPC, {"cidrBlok": "10.0.0.0/16"}, "cidrBlok is not a property"),
        (DATABASE, {"engine": "postgres", "skipFinalSnapshot": True}, "instanceClass is required and missing"),
        (VPC, {"cidrBlock": 10}, "cidrBlock must be a string, not 10"),
        (VPC, {"enableDnsSupport": "yes"}, "enableDnsSupport must be true or false, not 'yes'"),
        (VPC, {"tags": ["a"]}, "tags must be a map"),
        ("aws:ec2/vcp:Vcp", {}, "has no resource 'aws:ec2/vcp:Vcp'"),
        (
            DATABASE,
            {
                "instanceClass": "db.t4g.micro",
                "manageMasterUserPassword": True,
                "password": "x",
                "skipFinalSnapshot": True,
            },
            "password conflicts with manageMasterUserPassword",
        ),
        (
            "aws:ecs/service:Service",
            {"networkConfiguration": {"subnets": ["subnet-1"], "publicIp": True}},
            "networkConfiguration.publicIp is not a property",
        ),
    ],
)
def test_wrong_inputs_are_refused_by_name(toy, token, properties, said):
    stack = toy(lambda: raw(token, "it", properties, on_aws()))
    with pytest.raises(EngineFailed) as failure:
        stack.preview()
    assert said in str(failure.value)


def test_a_value_outside_a_closed_enum_is_refused(toy):
    def program():
        options = pulumi.ResourceOptions(provider=pulumi.ProviderResource("docker-build", "builder"))
        raw("docker-build:index:Image", "it", {"push": False, "platforms": ["linux/pdp11"]}, options)

    with pytest.raises(EngineFailed, match=r"platforms\[0\] must be one of .*linux/amd64.*, not 'linux/pdp11'"):
        toy(program).preview()


def test_a_wrong_setting_of_a_provider_is_refused(toy):
    stack = toy(lambda: pulumi.ProviderResource("aws", "aws", {"regoin": "eu-central-1"}))
    with pytest.raises(EngineFailed, match="regoin is not a setting"):
        stack.preview()


def test_default_providers_are_off(toy):
    with pytest.raises(EngineFailed, match="Default provider for 'aws' disabled"):
        toy(lambda: aws.ec2.Vpc("net", cidr_block="10.0.0.0/16")).preview()


def network(config_key="cidr"):
    """Make a network and a subnet in it, and export what tests look at."""
    config, options = pulumi.Config(), on_aws()
    vpc = aws.ec2.Vpc(
        "net", cidr_block=config.require(config_key), tags={"size": config.get("size") or "s"}, opts=options
    )
    subnet = aws.ec2.Subnet("sub", vpc_id=vpc.id, cidr_block="10.0.1.0/24", opts=options)
    pulumi.export("vpc", vpc.id)
    pulumi.export("cidr", vpc.cidr_block)
    pulumi.export("subnet", subnet.id)


def test_what_only_the_cloud_knows_is_unknown_at_preview_and_known_after(toy):
    stack = toy(network, {"cidr": "10.0.0.0/16"})
    assert stack.preview().outputs == {"vpc": UNKNOWN, "cidr": "10.0.0.0/16", "subnet": UNKNOWN}
    outputs = stack.up().outputs
    assert outputs["vpc"].startswith("vpc-")
    assert stack.resource("sub").inputs["vpcId"] == outputs["vpc"] == stack.cloud.only("net").id
    assert stack.preview().outputs == outputs


def test_an_apply_over_an_unknown_does_not_run_at_preview(toy):
    seen = []

    def program():
        aws.ec2.Vpc("net", cidr_block="10.0.0.0/16", opts=on_aws()).arn.apply(seen.append)

    stack = toy(program)
    stack.preview()
    assert seen == []
    stack.up()
    assert [arn.split(":vpc/")[0] for arn in seen] == ["arn:aws:ec2:eu-central-1:123456789012"]


def test_the_second_up_is_all_same_and_refresh_finds_nothing(toy):
    stack = toy(network, {"cidr": "10.0.0.0/16"})
    first = stack.up()
    assert (first.counts["create"], first.counts.total()) == (3, 3)
    again = stack.up()
    assert (again.counts["same"], again.changes) == (3, [])
    assert stack.refresh().changes == []


def test_a_change_in_place_is_an_update_of_the_property_alone(toy):
    stack = toy(network, {"cidr": "10.0.0.0/16"})
    before = stack.up().outputs
    stack.set_config(size="l")
    (step,) = stack.preview().changes
    assert (step.name, step.op, step.changed, step.forced) == ("net", "update", ("tags.size",), ())
    assert stack.up().outputs == before
    assert stack.cloud.only("net").inputs["tags"] == {"size": "l"}


def test_a_property_that_forces_replacement_replaces_and_so_do_its_dependants(toy):
    stack = toy(network, {"cidr": "10.0.0.0/16"})
    before = stack.up().outputs
    stack.set_config(cidr="10.9.0.0/16")
    planned = {step.name: (step.op, step.forced) for step in stack.preview().changes}
    assert planned == {"net": ("replace", ("cidrBlock",)), "sub": ("replace", ("vpcId",))}
    after = stack.up()
    assert {step.name: (step.op, step.deletes_first) for step in after.changes} == {
        "net": ("replace", False),
        "sub": ("replace", False),
    }
    assert after.outputs["vpc"] not in {before["vpc"], UNKNOWN}
    assert stack.cloud.only("net").id == after.outputs["vpc"]


def test_a_second_object_of_a_fixed_name_is_refused_and_a_chosen_name_is_not(toy):
    def program(**names):
        def run():
            aws.ec2.SecurityGroup("web", description=pulumi.Config().require("words"), opts=on_aws(), **names)

        return run

    fixed = toy(program(name="web"), {"words": "one"})
    fixed.up()
    fixed.set_config(words="two")
    with pytest.raises(EngineFailed, match="with name 'web' already exists"):
        fixed.up()
    chosen = toy(program(), {"words": "one"})
    chosen.up()
    first = chosen.cloud.only("web").inputs["name"]
    assert first.startswith("web-")
    chosen.up()
    assert chosen.cloud.only("web").inputs["name"] == first
    chosen.set_config(words="two")
    assert chosen.up().only("web").op == "replace"
    assert chosen.cloud.only("web").inputs["name"] != first


def database(**options):
    """Make a database with a random password."""
    secret = pulumi_random.RandomPassword(
        "password", length=24, opts=pulumi.ResourceOptions(provider=pulumi_random.Provider("random"))
    )
    one = aws.rds.Instance(
        "db",
        instance_class="db.t4g.micro",
        engine="postgres",
        username="penstock",
        password=secret.result,
        skip_final_snapshot=True,
        deletion_protection=pulumi.Config().get_bool("keep"),
        opts=on_aws(**options),
    )
    pulumi.export("url", pulumi.Output.format("postgresql://penstock:{0}@{1}/penstock", secret.result, one.address))
    pulumi.export("address", one.address)


def test_a_secret_is_nowhere_plain_in_the_state_or_the_events(toy):
    stack = toy(database)
    first = stack.preview()
    assert first.secret_outputs == {"url"}
    record = stack.up()
    password = stack.cloud.only("db").inputs["password"]
    assert len(password) == 24
    assert record.outputs["url"] == f"postgresql://penstock:{password}@{record.outputs['address']}/penstock"
    assert record.secret_outputs == {"url"}
    assert password not in stack.plain_text_state()
    assert record.only("db").inputs["password"] == SECRET_MARK
    assert stack.resource("db").inputs["password"] == stack.resource("db").outputs["password"] == SECRET_MARK
    assert stack.resource("password").outputs["result"] == SECRET_MARK
    stack.refresh()
    assert password not in stack.plain_text_state()


def test_secret_config_is_encrypted_in_the_stack_file_and_plain_to_the_program(toy):
    seen = []

    def program():
        pulumi.Config().require_secret("token").apply(seen.append)
        pulumi.export("owners", pulumi.Config().require_object("owners"))

    stack = toy(program, {"owners": ["ann", {"name": "bob"}]}, secrets={"token": "hush-hush-123"})
    assert stack.up().outputs == {"owners": ["ann", {"name": "bob"}]}
    assert seen == ["hush-hush-123"]
    stack.set_config(owners=["ann"])
    assert stack.up().outputs == {"owners": ["ann"]}
    assert "hush-hush-123" not in (stack.folder / "work" / "Pulumi.dev.yaml").read_text()


def test_the_cloud_refuses_to_delete_what_it_protects(toy):
    stack = toy(database, {"keep": True})
    stack.up()
    with pytest.raises(EngineFailed, match="Cannot delete protected DB Instance"):
        stack.destroy()
    assert stack.cloud.only("db")
    stack.set_config(keep=False)
    stack.up()
    stack.destroy()
    assert stack.cloud.live("db") == []


def test_the_engine_refuses_to_delete_what_the_program_protects(toy):
    stack = toy(lambda: database(protect=True))
    stack.up()
    with pytest.raises(EngineFailed, match="because it is protected"):
        stack.destroy()
    assert stack.cloud.only("db")
    assert stack.resource("db").protect


def test_destroy_leaves_nothing(toy):
    stack = toy(network, {"cidr": "10.0.0.0/16"})
    stack.up()
    record = stack.destroy()
    assert [step.name for step in record.changes] == ["sub", "net", "aws"]
    assert (stack.cloud.objects, stack.state(), record.outputs) == ({}, [], {})


def test_a_failed_create_says_why_and_the_next_up_goes_on(toy):
    stack = toy(network, {"cidr": "10.0.0.0/16"})
    stack.cloud.fail_create("sub", "SubnetLimitExceeded", times=1)
    with pytest.raises(EngineFailed, match=r"sub: .*SubnetLimitExceeded") as failure:
        stack.up()
    assert failure.value.record.only("net").op == "create"
    assert stack.up().counts == {"same": 2, "create": 1}


def test_refresh_sees_what_changed_and_vanished_behind_our_back(toy):
    stack = toy(network, {"cidr": "10.0.0.0/16"})
    stack.up()
    stack.cloud.drift("net", {"tags": {"size": "huge"}})
    stack.cloud.vanish("sub")
    found = {step.name: step.op for step in stack.refresh().changes}
    assert found == {"net": "update", "sub": "delete"}
    repaired = {step.name: step.op for step in stack.up().changes}
    assert repaired == {"net": "update", "sub": "create"}


def test_functions_answer_from_the_catalogue_or_say_that_they_cannot(toy):
    def program():
        invoking = pulumi.InvokeOptions(provider=aws.Provider("aws", region="eu-central-1"))
        pulumi.export("zones", aws.get_availability_zones_output(opts=invoking).names)
        pulumi.export("account", aws.get_caller_identity(opts=invoking).account_id)
        if pulumi.Config().get_bool("more"):
            aws.ec2.get_ami(owners=["self"], opts=invoking)

    stack = toy(program)
    assert stack.preview().outputs == {
        "zones": ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        "account": "123456789012",
    }
    stack.set_config(more=True)
    with pytest.raises(EngineFailed, match="no answer to aws:ec2/getAmi:getAmi"):
        stack.preview()


def test_an_error_of_the_program_is_the_failures_text(toy):
    def program():
        raise LookupError("no such topology")

    with pytest.raises(EngineFailed, match="no such topology"):
        toy(program).preview()


class Network(pulumi.ComponentResource):
    def __init__(self, name, options=None):
        super().__init__("penstock:index:Network", name, None, options)
        mine = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc("net", cidr_block="10.0.0.0/16", opts=mine)
        aws.ec2.Subnet(
            "sub", vpc_id=vpc.id, cidr_block="10.0.1.0/24", opts=mine.merge(pulumi.ResourceOptions(protect=True))
        )


def test_the_graph_is_the_same_for_every_stack_of_a_program(toy):
    def program():
        Network("network", pulumi.ResourceOptions(providers=[aws.Provider("aws")]))

    graphs = []
    for name in ("dev", "prod"):
        stack = toy(program, name=name)
        stack.up()
        graphs.append(stack.graph())
    assert graphs[0] == graphs[1]
    assert graphs[0] == [
        {
            "type": "aws:ec2/subnet:Subnet",
            "name": "sub",
            "parent": "penstock:index:Network::network",
            "dependencies": ["aws:ec2/vpc:Vpc::net"],
            "protect": True,
        },
        {
            "type": "aws:ec2/vpc:Vpc",
            "name": "net",
            "parent": "penstock:index:Network::network",
            "dependencies": [],
            "protect": False,
        },
        {"type": "penstock:index:Network", "name": "network", "parent": None, "dependencies": [], "protect": False},
        {"type": "pulumi:providers:aws", "name": "aws", "parent": None, "dependencies": [], "protect": False},
    ]
