"""Rules for Postgres: private, by TLS, encrypted, protected, backed up, and in two zones where the topology says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock_infra.policy.rule import Resource, Rule, Setting, Stack, StackRule
from penstock_infra.policy.values import (
    ABSENT,
    FALSE,
    GIVEN,
    NOT_TRUE,
    TRUE,
    UNKNOWN,
    Must,
    at_least,
    one_of,
)

LEAST_DAYS = 7
RDS = "aws:rds/instance:Instance"
RDS_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
CLOUD_SQL = "gcp:sql/databaseInstance:DatabaseInstance"
FLEXIBLE = "azure-native:dbforpostgresql:Server"
FLEXIBLE_SETTING = "azure-native:dbforpostgresql:Configuration"
FLEXIBLE_DOOR = "azure-native:dbforpostgresql:FirewallRule"
STATEFUL = "kubernetes:apps/v1:StatefulSet"
NIGHTLY = "kubernetes:batch/v1:CronJob"
CONTAINERS = "spec.jobTemplate.spec.template.spec.containers"
SURVIVING = ("ha", "autoscale")
IN_CLUSTER = "postgres"
"""The name of the one pod of Postgres in a cluster."""
DELETES_AFTER = re.compile(r"-mtime \+(\d+) -delete")


def no_door(resource: Resource) -> Iterator[str]:
    """There is no firewall rule: the server has an address inside the network alone."""
    start, end = resource.get("startIpAddress"), resource.get("endIpAddress")
    yield f"lets {start} to {end} reach the server from outside its network; take this firewall rule away"


def forces_tls(resource: Resource) -> Iterator[str]:
    """`parameters` hold `rds.force_ssl` = 1."""
    parameters = list(resource.each("parameters"))
    if resource.whole.hides("parameters") or any(part.hides("name") for part in parameters):
        return
    given = {part.text("name"): part.get("value") for part in parameters}
    if given.get("rds.force_ssl") is not UNKNOWN and str(given.get("rds.force_ssl")) != "1":
        yield "clients may connect without TLS; set rds.force_ssl to 1 in parameters"


def requires_tls(resource: Resource) -> Iterator[str]:
    """`require_secure_transport` is on."""
    if resource.get("configurationName") == "require_secure_transport":
        yield from Must("value", one_of("on", "ON"), "clients may connect without TLS")(resource)


PRIVATE = Rule(
    "database-private",
    "Postgres has no public address and no door to the internet.",
    {
        RDS: [
            Must("publiclyAccessible", NOT_TRUE, "the server has a public address"),
            Must("dbSubnetGroupName", GIVEN, "the server is not in the stack's own subnets"),
            Must("vpcSecurityGroupIds", GIVEN, "the server has the default security group"),
        ],
        CLOUD_SQL: [
            Must("settings.ipConfiguration.ipv4Enabled", FALSE, "the instance has a public address"),
            Must("settings.ipConfiguration.privateNetwork", GIVEN, "the instance has no private address"),
            Must("settings.ipConfiguration.authorizedNetworks", ABSENT, "networks outside are let in"),
        ],
        FLEXIBLE: [
            Must("network.publicNetworkAccess", one_of("Disabled"), "the server answers on the internet"),
            Must("network.delegatedSubnetResourceId", GIVEN, "the server is not in the stack's network"),
        ],
        FLEXIBLE_DOOR: [no_door],
    },
)

ENCRYPTED = Rule(
    "database-encrypted",
    "Postgres is encrypted at rest and takes no connection without TLS.",
    {
        RDS: [
            Must("storageEncrypted", TRUE, "the storage is not encrypted"),
            Must("parameterGroupName", GIVEN, "the default parameters do not force TLS"),
        ],
        RDS_PARAMETERS: [forces_tls],
        CLOUD_SQL: [
            Must(
                "settings.ipConfiguration.sslMode",
                one_of("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"),
                "clients may connect without TLS",
            )
        ],
        FLEXIBLE_SETTING: [requires_tls],
    },
    exceptions=(
        "Cloud SQL and Azure encrypt at rest whatever is asked, so there is nothing to check.",
        "Kubernetes: Postgres in the cluster has no TLS of its own; network policies let only pods of the stack in.",
    ),
)

PROTECTED = Rule(
    "database-protected",
    "The cloud itself refuses to delete Postgres, and keeps a last copy.",
    {
        RDS: [
            Must("deletionProtection", TRUE, "AWS would delete the server when asked", protects=True),
            Must("skipFinalSnapshot", NOT_TRUE, "nothing is kept when the server is deleted", protects=True),
        ],
        CLOUD_SQL: [
            Must("deletionProtection", TRUE, "the provider would delete the instance", protects=True),
            Must("settings.deletionProtectionEnabled", TRUE, "Google would delete the instance", protects=True),
        ],
    },
    exceptions=(
        "Azure has no such switch for a server: it is Pulumi that protects it, and a deleted one can be brought back.",
        "Kubernetes: Pulumi's own protection of the claim, and of its namespace.",
    ),
)

BACKED_UP = Rule(
    "database-backed-up",
    f"Backups of Postgres are kept for {LEAST_DAYS} days or more.",
    {
        RDS: [Must("backupRetentionPeriod", at_least(LEAST_DAYS), "backups go too soon")],
        CLOUD_SQL: [
            Must("settings.backupConfiguration.enabled", TRUE, "there are no backups"),
            Must("settings.backupConfiguration.pointInTimeRecoveryEnabled", TRUE, "there is no way back to a moment"),
            Must(
                "settings.backupConfiguration.backupRetentionSettings.retainedBackups",
                at_least(LEAST_DAYS),
                "backups, one a day, go too soon",
            ),
        ],
        FLEXIBLE: [Must("backup.backupRetentionDays", at_least(LEAST_DAYS), "backups go too soon")],
    },
    exceptions=("Kubernetes: by a nightly dump, which the rule cluster-database-dumped looks for.",),
)


def dumped(stack: Stack) -> Iterator[str]:
    """Where Postgres runs in the cluster a CronJob runs `pg_dump` and deletes only dumps older than 7 days."""
    jobs = stack.of(NIGHTLY)
    if not all(stack.knows([job], f"{CONTAINERS}.command") and not _hides(job) for job in jobs):
        return
    for database in (one for one in stack.of(STATEFUL) if one.name == IN_CLUSTER):
        scripts = [script for job in jobs for script in _scripts(job)]
        dumps = [script for script in scripts if "pg_dump" in script]
        if not dumps:
            yield database.told("nothing backs it up; add the CronJob that runs pg_dump")
        for script in dumps:
            kept = [float(days) for command in _commands(script) for days in DELETES_AFTER.findall(command)]
            if kept and min(kept) < LEAST_DAYS:
                yield database.told(f"dumps go after {min(kept):g} days; keep them for {LEAST_DAYS} or more")


def _commands(script: str) -> list[str]:
    """Return the commands of a script, without those about dumps that never ended."""
    return [command for command in re.split(r"[;\n]", script) if ".part" not in command]


def _scripts(job: Resource) -> Iterator[str]:
    for container in job.each(CONTAINERS):
        yield " ".join(container.texts("command"))


def _hides(job: Resource) -> bool:
    return job.whole.hides(CONTAINERS) or any(container.hides("command") for container in job.each(CONTAINERS))


DUMPED = StackRule(
    "cluster-database-dumped",
    f"Postgres in a cluster is dumped each night, and dumps are kept for {LEAST_DAYS} days or more.",
    {"kubernetes": [dumped]},
)


def in_two_zones(stack: Stack, kind: str, must: Must) -> Iterator[str]:
    """Yield the databases of a type that a lost zone would take, in a topology that must survive that."""
    if stack.topology in SURVIVING:
        for database in stack.of(kind):
            for complaint in must(database):
                yield database.told(f"topology {stack.topology}: {complaint}")


def rds_in_two_zones(stack: Stack) -> Iterator[str]:
    """`multiAz` is true in `ha` and `autoscale`."""
    yield from in_two_zones(stack, RDS, Must("multiAz", TRUE, "there is no standby in another zone"))


def cloud_sql_in_two_zones(stack: Stack) -> Iterator[str]:
    """`settings.availabilityType` is REGIONAL in `ha` and `autoscale`."""
    must = Must("settings.availabilityType", one_of("REGIONAL"), "there is no standby in another zone")
    yield from in_two_zones(stack, CLOUD_SQL, must)


def flexible_in_two_zones(stack: Stack) -> Iterator[str]:
    """`highAvailability.mode` is ZoneRedundant or SameZone in `ha` and `autoscale`."""
    must = Must("highAvailability.mode", one_of("ZoneRedundant", "SameZone"), "there is no standby")
    yield from in_two_zones(stack, FLEXIBLE, must)


SURVIVES = StackRule(
    "database-survives",
    "In the topologies `ha` and `autoscale` Postgres has a standby that takes over.",
    {"aws": [rds_in_two_zones], "gcp": [cloud_sql_in_two_zones], "azure": [flexible_in_two_zones]},
    exceptions=(
        "Kubernetes: `postgres` in the cluster is one pod, which moves when its node is lost.",
        "`kubernetes.databaseSecret` names a database outside, which may have a standby.",
    ),
    settings=(Setting("topology", "string", None, "The topology, where the stack does not export it."),),
)

RULES = (PRIVATE, ENCRYPTED, PROTECTED, BACKED_UP)
STACK_RULES = (DUMPED, SURVIVES)
