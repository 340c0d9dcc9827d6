"""What holds data on GCP: private, encrypted on its way, protected, backed up, and kept on every change of topology."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from penstock_infra.program import main
from support.engine.clouds import gcp_tokens as t
from support.engine.records import EngineFailed

HA = {"exposure": "private", "spark": {"mode": "serverless"}}
DATA = (t.DATABASE_INSTANCE, t.SHARE, t.BUCKET, t.DATABASE)


def test_the_database_has_a_private_address_and_speaks_tls_alone(made):
    settings = made("single").one(t.DATABASE_INSTANCE)["settings"]
    address = settings["ipConfiguration"]
    assert address["ipv4Enabled"] is False
    assert address["privateNetwork"].endswith("/networks/penstock")
    assert address["sslMode"] == "ENCRYPTED_ONLY"
    assert "authorizedNetworks" not in address
    assert settings["edition"] == "ENTERPRISE"


@pytest.mark.parametrize(
    ("topology", "keys", "zones", "days"), [("single", {}, "ZONAL", 7), ("ha", HA, "REGIONAL", 14)]
)
def test_the_database_is_backed_up_and_fails_over_where_it_must(made, topology, keys, zones, days):
    settings = made(topology, **keys).one(t.DATABASE_INSTANCE)["settings"]
    assert settings["availabilityType"] == zones
    backups = settings["backupConfiguration"]
    assert backups["enabled"] is True
    assert backups["pointInTimeRecoveryEnabled"] is True
    assert backups["backupRetentionSettings"] == {"retainedBackups": days, "retentionUnit": "COUNT"}


def test_redis_asks_for_tls_and_a_password(made):
    stack = made("ha", **HA)
    cache = stack.one(t.CACHE)
    assert (cache["tier"], cache["memorySizeGb"]) == ("STANDARD_HA", 1)
    assert cache["authEnabled"] is True
    assert cache["transitEncryptionMode"] == "SERVER_AUTHENTICATION"
    assert cache["connectMode"] == "PRIVATE_SERVICE_ACCESS"
    password = stack.outputs(t.CACHE)["authString"]
    value = stack.one(t.SECRET_VERSION, "redis-url")["secretData"]
    assert value == f"rediss://:{password}@10.40.18.4:6378/0?ssl_ca_certs=/etc/penstock/redis-authority/ca.pem"
    assert stack.record.outputs["redisEndpoint"] == "10.40.18.4:6378"


@pytest.mark.parametrize(("topology", "keys"), [("single", {}), ("ha", HA)])
def test_the_share_is_regional_from_the_beginning_and_mounted_by_services_alone(made, topology, keys):
    stack = made(topology, **keys)
    share = stack.one(t.SHARE)
    assert (share["tier"], share["location"]) == ("REGIONAL", t.REGION)
    (export,) = share["fileShares"]["nfsExportOptions"]
    assert export["ipRanges"] == [stack.one(t.SUBNET, "apps")["ipCidrRange"]]
    assert any("Filestore speaks NFS without TLS" in step for step in stack.record.outputs["nextSteps"])


def test_a_job_gives_the_share_to_the_containers_user_before_any_service_starts(made):
    stack = made("split")
    owner = stack.one(t.JOB, "share-owner")
    (container,) = owner["template"]["template"]["containers"]
    assert container["args"] == ["chown 10001:10001 /share && chmod 0750 /share"]
    assert "@sha256:" in container["image"]
    assert owner["runExecutionToken"], "without a token it would be made and never run"
    interface = owner["template"]["template"]["vpcAccess"]["networkInterfaces"][0]
    assert "/subnetworks/apps-" in interface["subnetwork"], "from where the share may be mounted"
    (done,) = [one.urn for one in stack.state if one.type == t.JOB and one.name == "share-owner"]
    for token in (t.SERVICE, t.POOL):
        (service,) = [one for one in stack.state if one.type == token]
        assert done in service.dependencies


def test_the_bucket_is_private_versioned_and_known_by_iam_alone(made):
    bucket = made("single").one(t.BUCKET, "bucket")
    assert bucket["uniformBucketLevelAccess"] is True
    assert bucket["publicAccessPrevention"] == "enforced"
    assert bucket["versioning"] == {"enabled": True}
    assert bucket["lifecycleRules"][0]["condition"] == {"daysSinceNoncurrentTime": 30, "withState": "ARCHIVED"}


def test_managed_services_live_in_a_range_of_the_stacks_network(made):
    stack = made("ha", **HA)
    given = stack.one(t.ADDRESS, "services")
    whole = IPv4Network("10.40.0.0/16")
    services = IPv4Network(f"{given['address']}/{given['prefixLength']}")
    subnets = [IPv4Network(one.inputs["ipCidrRange"]) for one in stack.all(t.SUBNET)]
    assert services.subnet_of(whole)
    assert not [one for one in subnets if one.overlaps(services)]
    assert stack.one(t.CONNECTION)["reservedPeeringRanges"] == [given["name"]]
    assert stack.one(t.CONNECTION)["deletionPolicy"] == "REMOVE_PEERING"
    for token in (t.DATABASE_INSTANCE, t.SHARE, t.CACHE):
        (one,) = [one for one in stack.state if one.type == token]
        assert [urn for urn in one.dependencies if "servicenetworking/connection" in urn]


def test_jobs_and_spark_reach_no_data_by_network(made):
    stack = made("single")
    wall = stack.one(t.FIREWALL, "work-from-data")
    assert wall["direction"] == "EGRESS"
    assert wall["denies"] == [{"protocol": "all"}]
    assert wall["sourceRanges"] == [stack.one(t.SUBNET, "work")["ipCidrRange"]]
    services = stack.one(t.ADDRESS, "services")
    assert wall["destinationRanges"] == [f"{services['address']}/{services['prefixLength']}"]
    assert wall["priority"] < 1000, "before the rules that people add, and before the allowance that every network has"


def test_no_firewall_rule_lets_the_world_in(made):
    for one in made("single").all(t.FIREWALL):
        assert one.inputs["direction"] == "EGRESS" or "0.0.0.0/0" not in one.inputs["sourceRanges"]


def test_secrets_are_nowhere_in_the_clear(made):
    stack = made("ha", **HA)
    entries = stack.all(t.SECRET_VERSION)
    values = [one.inputs["secretData"] for one in entries if not one.name.endswith("-authority")]
    values += [stack.outputs(t.CACHE)["authString"], stack.one(t.DATABASE_USER)["password"]]
    assert len(set(values)) == 5, "the database's password is an entry and the user's"
    for value in values:
        assert value not in stack.plain_text
        assert value not in str(stack.record.outputs)
    services = str([stack.one(t.SERVICE), stack.one(t.POOL)])
    assert not [value for value in values if value in services]


def test_protected_data_is_backed_up_and_refuses_to_go(engine_stack, gcp_config):
    stack = engine_stack(main, gcp_config("single", protectData=True))
    stack.up()
    protected = {one.type for one in stack.state() if one.protect}
    assert protected == {*DATA, t.SECRET, t.SECRET_VERSION}
    assert {one.type for one in stack.state() if one.retain_on_delete} == protected
    database = stack.cloud.only(t.DATABASE_INSTANCE).inputs
    assert database["deletionProtection"] is True
    assert database["settings"]["deletionProtectionEnabled"] is True
    assert database["settings"]["finalBackupConfig"] == {"enabled": True, "retentionDays": 7}
    assert stack.cloud.only(t.SHARE).inputs["deletionProtectionEnabled"] is True
    assert stack.cloud.only(t.BACKUP_PLAN).inputs["backupRules"][0]["backupRetentionDays"] == 7
    assert stack.cloud.only(t.ASSOCIATION).inputs["resource"] == stack.cloud.only(t.SHARE).id
    with pytest.raises(EngineFailed, match=r"cannot be deleted\s+because it is protected"):
        stack.destroy()
    assert all(stack.cloud.live(token) for token in DATA)


def test_protection_is_taken_off_and_then_nothing_is_left(engine_stack, gcp_config):
    stack = engine_stack(main, gcp_config("single", protectData=True))
    stack.up()
    stack.set_config(protectData=False)
    record = stack.up()
    assert not [step for step in record.changes if step.op in {"replace", "delete"}]
    assert any("protectData is off: a destroy takes everything" in step for step in record.outputs["nextSteps"])
    assert stack.cloud.only(t.DATABASE_INSTANCE).inputs["settings"]["finalBackupConfig"] == {"enabled": False}
    stack.destroy()
    assert stack.cloud.objects == {}


def test_every_way_between_topologies_keeps_the_data(engine_stack, gcp_config):
    """Up and down again, protected: nothing that holds data is replaced, and nothing protected is in the way."""
    stack = engine_stack(main, gcp_config("single", protectData=True))
    stack.up()
    kept = {one.urn: one.id for one in stack.state() if one.protect}
    assert len(kept) == 7
    for topology in ("split", "ha", "autoscale", "split", "single"):
        stack.set_config(topology=topology)
        planned = stack.preview()
        assert not [step for step in planned.changes if step.urn in kept and step.op != "update"], topology
        stack.up()
        assert {one.urn: one.id for one in stack.state() if one.protect} == kept
    assert stack.cloud.only(t.SERVICE).inputs["name"] == "penstock"
    assert stack.cloud.only(t.SHARE).inputs["tier"] == "REGIONAL"


def test_a_disk_that_grew_is_not_made_small_again(engine_stack, gcp_config):
    stack = engine_stack(main, gcp_config("single"))
    stack.up()
    settings = stack.cloud.only(t.DATABASE_INSTANCE).inputs["settings"]
    stack.cloud.drift(t.DATABASE_INSTANCE, {"settings": {**settings, "diskSize": 55}})
    stack.refresh()
    assert stack.up().only(t.DATABASE_INSTANCE).op == "same"
    assert stack.cloud.only(t.DATABASE_INSTANCE).inputs["settings"]["diskSize"] == 55
