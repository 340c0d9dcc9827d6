"""What AWS gives back for what it makes: ids, ARNs and addresses in the forms that AWS writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.engine.facts import Made

REGION = "eu-central-1"
ACCOUNT = "123456789012"
Outputs = Callable[[Made], Mapping[str, Any]]


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def every(made: Made) -> dict[str, Any]:
    """What every resource has."""
    return {"region": made.inputs.get("region", REGION), "tagsAll": made.inputs.get("tags", {})}


def numbered(service: str, kind: str, prefix: str) -> Outputs:
    """Return the outputs of a thing that AWS numbers: `vpc-0a1b`, `arn:aws:ec2:…:vpc/vpc-0a1b`."""

    def outputs(made: Made) -> dict[str, Any]:
        identity = made.identifier(prefix)
        return {"id": identity, "arn": arn(service, f"{kind}/{identity}")}

    return outputs


def called(service: str, kind: str, prop: str = "name", separator: str = "/") -> Outputs:
    """Return the outputs of a thing whose id is its name: `log-group:name`, `role/name`."""

    def outputs(made: Made) -> dict[str, Any]:
        name = made.inputs[prop]
        return {"id": name, "arn": arn(service, f"{kind}{separator}{name}")}

    return outputs


def role(made: Made) -> dict[str, Any]:
    name = made.inputs["name"]
    return {"id": name, "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "uniqueId": f"AROA{made.digest(17).upper()}"}


def instance_profile(made: Made) -> dict[str, Any]:
    name = made.inputs["name"]
    return {"id": name, "arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}"}


def log_group(made: Made) -> dict[str, Any]:
    name = made.inputs["name"]
    return {"id": name, "arn": arn("logs", f"log-group:{name}")}


def address(made: Made) -> dict[str, Any]:
    identity = made.identifier("eipalloc")
    return {"id": identity, "allocationId": identity, "publicIp": f"203.0.113.{int(made.digest(2), 16)}"}


def file_system(made: Made) -> dict[str, Any]:
    identity = made.identifier("fs")
    return {
        "id": identity,
        "arn": arn("elasticfilesystem", f"file-system/{identity}"),
        "dnsName": f"{identity}.efs.{REGION}.amazonaws.com",
    }


def bucket(made: Made) -> dict[str, Any]:
    name = made.inputs["bucket"]
    return {
        "id": name,
        "arn": f"arn:aws:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com",
    }


def database(made: Made) -> dict[str, Any]:
    name = made.inputs["identifier"]
    host = f"{name}.{made.digest(12)}.{REGION}.rds.amazonaws.com"
    port = made.inputs.get("port", 5432)
    outputs: dict[str, Any] = {
        "id": made.identifier("db"),
        "arn": arn("rds", f"db:{name}"),
        "address": host,
        "port": port,
        "endpoint": f"{host}:{port}",
    }
    if made.inputs.get("manageMasterUserPassword"):
        secret = arn("secretsmanager", f"secret:rds!db-{made.digest(36)}")
        outputs["masterUserSecrets"] = [{"secretArn": secret, "secretStatus": "active", "kmsKeyId": ""}]
    return outputs


def replication_group(made: Made) -> dict[str, Any]:
    name = made.inputs["replicationGroupId"]
    return {
        "id": name,
        "arn": arn("elasticache", f"replicationgroup:{name}"),
        "primaryEndpointAddress": f"master.{name}.{made.digest(6)}.euc1.cache.amazonaws.com",
        "readerEndpointAddress": f"replica.{name}.{made.digest(6)}.euc1.cache.amazonaws.com",
        "memberClusters": [f"{name}-{number:03}" for number in range(1, 1 + made.inputs.get("numCacheClusters", 1))],
    }


def secret(made: Made) -> dict[str, Any]:
    made_arn = arn("secretsmanager", f"secret:{made.inputs['name']}-{made.digest(6)}")
    return {"id": made_arn, "arn": made_arn}


def secret_version(made: Made) -> dict[str, Any]:
    whose = made.inputs["secretId"]
    return {"id": f"{whose}|{made.digest(32)}", "arn": whose, "secretArn": whose, "versionId": made.digest(32)}


def repository(made: Made) -> dict[str, Any]:
    name = made.inputs["name"]
    return {
        "id": name,
        "arn": arn("ecr", f"repository/{name}"),
        "registryId": ACCOUNT,
        "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}",
    }


def ecs_cluster(made: Made) -> dict[str, Any]:
    made_arn = arn("ecs", f"cluster/{made.inputs['name']}")
    return {"id": made_arn, "arn": made_arn}


def task_definition(made: Made) -> dict[str, Any]:
    family = made.inputs["family"]
    revision = int(made.digest(3), 16)
    base = arn("ecs", f"task-definition/{family}")
    return {"id": f"{family}/{revision}", "arn": f"{base}:{revision}", "arnWithoutRevision": base, "revision": revision}


def ecs_service(made: Made) -> dict[str, Any]:
    cluster = str(made.inputs.get("cluster", "default")).rsplit("/", 1)[-1]
    made_arn = arn("ecs", f"service/{cluster}/{made.inputs['name']}")
    return {"id": made_arn, "arn": made_arn}


def balancer(made: Made) -> dict[str, Any]:
    suffix = f"app/{made.inputs['name']}/{made.digest(16)}"
    inner = "internal-" if made.inputs.get("internal") else ""
    made_arn = arn("elasticloadbalancing", f"loadbalancer/{suffix}")
    return {
        "id": made_arn,
        "arn": made_arn,
        "arnSuffix": suffix,
        "dnsName": f"{inner}{made.inputs['name']}-{int(made.digest(8), 16)}.{REGION}.elb.amazonaws.com",
        "zoneId": "Z215JYRZR1TBD5",
    }


def target_group(made: Made) -> dict[str, Any]:
    suffix = f"targetgroup/{made.inputs['name']}/{made.digest(16)}"
    made_arn = arn("elasticloadbalancing", suffix)
    return {"id": made_arn, "arn": made_arn, "arnSuffix": suffix}


def listener(made: Made) -> dict[str, Any]:
    made_arn = str(made.inputs["loadBalancerArn"]).replace(":loadbalancer/", ":listener/") + f"/{made.digest(16)}"
    return {"id": made_arn, "arn": made_arn}


def certificate(made: Made) -> dict[str, Any]:
    made_arn = arn("acm", f"certificate/{made.digest(32)}")
    names = sorted([made.inputs["domainName"], *made.inputs.get("subjectAlternativeNames", [])])
    questions = [
        {
            "domainName": name,
            "resourceRecordName": f"_{made.digest(32)}.{name}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{made.digest(32)[::-1]}.acm-validations.aws.",
        }
        for name in names
    ]
    return {"id": made_arn, "arn": made_arn, "domainValidationOptions": questions}


def certificate_validation(made: Made) -> dict[str, Any]:
    return {"id": "2026-11-25 00:00:00 +0000 UTC"}


def zone(made: Made) -> dict[str, Any]:
    identity = f"Z{made.digest(20).upper()}"
    servers = [] if made.inputs.get("vpcs") else [f"ns-{number}.awsdns.example" for number in range(4)]
    return {
        "id": identity,
        "zoneId": identity,
        "arn": f"arn:aws:route53:::hostedzone/{identity}",
        "nameServers": servers,
    }


def record(made: Made) -> dict[str, Any]:
    name = str(made.inputs["name"]).rstrip(".")
    return {"id": f"{made.inputs['zoneId']}_{name}_{made.inputs['type']}", "fqdn": name}


def emr_cluster(made: Made) -> dict[str, Any]:
    identity = f"j-{made.digest(13).upper()}"
    return {"id": identity, "arn": arn("elasticmapreduce", f"cluster/{identity}"), "clusterState": "WAITING"}


def emr_application(made: Made) -> dict[str, Any]:
    identity = made.digest(16)
    return {"id": identity, "arn": arn("emr-serverless", f"/applications/{identity}")}


def key(made: Made) -> dict[str, Any]:
    identity = made.digest(32)
    return {"id": identity, "keyId": identity, "arn": arn("kms", f"key/{identity}")}


def topic(made: Made) -> dict[str, Any]:
    made_arn = arn("sns", made.inputs["name"])
    return {"id": made_arn, "arn": made_arn}


def vault(made: Made) -> dict[str, Any]:
    name = made.inputs["name"]
    return {"id": name, "arn": arn("backup", f"backup-vault:{name}"), "recoveryPoints": 0}
