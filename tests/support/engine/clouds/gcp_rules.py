"""What GCP refuses though the types are right: bounds and rules between properties, from its own pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, collapse_addresses
from itertools import pairwise
from typing import Any

from support.engine.checking import Problem
from support.engine.clouds import gcp_tokens as t
from support.engine.facts import Inputs
from support.engine.wire import UNKNOWN

LABEL_KEY, LABEL_VALUE = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")
RUN_MEMORY = {1000: (512, 4096), 2000: (512, 8192), 4000: (2048, 16384), 6000: (4096, 24576), 8000: (4096, 32768)}
LEAST_SHARE = {"BASIC_HDD": 1024, "BASIC_SSD": 2560, "ZONAL": 100, "REGIONAL": 100, "ENTERPRISE": 1024}
ENTERPRISE_PLUS_BY_DEFAULT = 16
DEFAULT_RULE = 2_147_483_647
PERMISSION = re.compile(r"[a-z]+(\.[A-Za-z]+){2}")


def known(value: Any) -> bool:
    return value is not None and value != UNKNOWN


def every(inputs: Inputs) -> Iterator[Problem]:
    """Labels, wherever a resource has them."""
    for name in ("labels", "userLabels", "defaultLabels"):
        labels = inputs.get(name)
        if isinstance(labels, Mapping) and "email_address" not in labels:
            for key, value in labels.items():
                if not LABEL_KEY.fullmatch(key) or (known(value) and not LABEL_VALUE.fullmatch(str(value))):
                    yield Problem(
                        f"{name}.{key}", "labels are small letters, digits, - and _; keys begin with a letter"
                    )


def database(inputs: Inputs) -> Iterator[Problem]:
    settings = inputs.get("settings") or {}
    version = int(str(inputs["databaseVersion"]).rsplit("_", 1)[-1])
    edition = settings.get("edition") or ("ENTERPRISE_PLUS" if version >= ENTERPRISE_PLUS_BY_DEFAULT else "ENTERPRISE")
    tier = str(settings.get("tier"))
    if (edition == "ENTERPRISE_PLUS") != tier.startswith("db-perf-optimized"):
        yield Problem("settings.tier", f"Invalid Tier ({tier}) for ({edition}) Edition")
    backups = settings.get("backupConfiguration") or {}
    if settings.get("availabilityType") == "REGIONAL" and not (
        backups.get("enabled") and backups.get("pointInTimeRecoveryEnabled")
    ):
        yield Problem("settings.availabilityType", "REGIONAL needs backups and point-in-time recovery")
    address = settings.get("ipConfiguration") or {}
    if address.get("ipv4Enabled") is False and not address.get("privateNetwork"):
        yield Problem("settings.ipConfiguration", "an instance needs a public or a private address")


def share(inputs: Inputs) -> Iterator[Problem]:
    tier, place, files = inputs["tier"], inputs.get("location"), inputs["fileShares"]
    least = LEAST_SHARE.get(tier)
    if least is not None and known(files["capacityGb"]) and files["capacityGb"] < least:
        yield Problem("fileShares.capacityGb", f"{tier} starts at {least} GiB")
    of_region = tier in {"REGIONAL", "ENTERPRISE"}
    if known(place) and bool(re.search(r"-[a-z]$", place)) is of_region:
        yield Problem("location", f"{tier} is made in a {'region' if of_region else 'zone'}, not in {place}")
    if len(files["name"]) > 16:
        yield Problem("fileShares.name", "has at most 16 characters")
    for number, export in enumerate(files.get("nfsExportOptions") or ()):
        if export.get("squashMode") != "ROOT_SQUASH" and ("anonUid" in export or "anonGid" in export):
            yield Problem(f"fileShares.nfsExportOptions[{number}].anonUid", "is for squashMode ROOT_SQUASH")


def cache(inputs: Inputs) -> Iterator[Problem]:
    if inputs.get("transitEncryptionMode") == "SERVER_AUTHENTICATION" and "REDIS_5" in str(inputs.get("redisVersion")):
        yield Problem("transitEncryptionMode", "needs Redis 6 or newer")
    if inputs.get("tier") == "BASIC" and (inputs.get("replicaCount") or inputs.get("readReplicasMode")):
        yield Problem("replicaCount", "BASIC has no replicas")


def service(inputs: Inputs) -> Iterator[Problem]:
    template = inputs["template"]
    yield from container_rules(template, "template")
    seconds = str(template.get("timeout", "300s")).rstrip("s")
    if int(seconds) > 3600:
        yield Problem("template.timeout", "is at most 3600 seconds")
    if (template.get("maxInstanceRequestConcurrency") or 80) > 1000:
        yield Problem("template.maxInstanceRequestConcurrency", "is at most 1000")
    for number, one in enumerate(template["containers"]):
        if "resources" in one and "cpuIdle" not in one["resources"]:
            yield Problem(f"template.containers[{number}].resources", "say cpuIdle where resources are given")
    yield from service_scaling(template.get("scaling") or {})


def service_scaling(scaling: Inputs) -> Iterator[Problem]:
    if scaling.get("maxInstanceCount", 100) < scaling.get("minInstanceCount", 0):
        yield Problem("template.scaling.maxInstanceCount", "is below minInstanceCount")
    for name in ("cpuUtilization", "concurrencyUtilization"):
        value = scaling.get(name)
        if value is not None and value != 0 and not 0.1 <= value <= 0.95:
            yield Problem(f"template.scaling.{name}", "is between 0.1 and 0.95, or 0 for off")


def pool(inputs: Inputs) -> Iterator[Problem]:
    yield from container_rules(inputs["template"], "template", generation=False)
    scaling = inputs.get("scaling") or {}
    if scaling.get("scalingMode") == "MANUAL" and scaling.get("manualInstanceCount") is None:
        yield Problem("scaling.manualInstanceCount", "is needed with scalingMode MANUAL")


def job(inputs: Inputs) -> Iterator[Problem]:
    yield from container_rules(inputs["template"]["template"], "template.template")


def container_rules(template: Inputs, path: str, *, generation: bool = True) -> Iterator[Problem]:
    volumes = {one["name"]: one for one in template.get("volumes") or ()}
    second = not generation or template.get("executionEnvironment") == "EXECUTION_ENVIRONMENT_GEN2"
    if not second and any("nfs" in one for one in volumes.values()):
        yield Problem(f"{path}.executionEnvironment", "NFS needs the second generation")
    for number, one in enumerate(template["containers"]):
        where = f"{path}.containers[{number}]"
        yield from sizes(one, where)
        yield from probes(one, where)
        yield from variables(one, where)
        for mount in one.get("volumeMounts") or ():
            if mount["name"] not in volumes:
                yield Problem(f"{where}.volumeMounts", f"there is no volume {mount['name']}")


def sizes(container: Inputs, where: str) -> Iterator[Problem]:
    limits = (container.get("resources") or {}).get("limits") or {}
    if not {"cpu", "memory"} <= set(limits):
        return
    cpu, memory = millis(limits["cpu"]), mebibytes(limits["memory"])
    if cpu not in RUN_MEMORY:
        yield Problem(f"{where}.resources.limits.cpu", f"{limits['cpu']} is not 1, 2, 4, 6 or 8")
        return
    least, most = RUN_MEMORY[cpu]
    if not least <= memory <= most:
        yield Problem(f"{where}.resources.limits.memory", f"with {limits['cpu']} CPU from {least}Mi to {most}Mi")


def millis(text: str) -> int:
    return int(text[:-1]) if text.endswith("m") else round(float(text) * 1000)


def mebibytes(text: str) -> int:
    return int(text[:-2]) * {"Mi": 1, "Gi": 1024}[text[-2:]]


def probes(container: Inputs, where: str) -> Iterator[Problem]:
    probe = container.get("startupProbe") or {}
    if probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3) > 240:
        yield Problem(f"{where}.startupProbe", "periodSeconds times failureThreshold is at most 240")
    for name in ("startupProbe", "livenessProbe"):
        probe = container.get(name) or {}
        if probe.get("timeoutSeconds", 1) > probe.get("periodSeconds", 10):
            yield Problem(f"{where}.{name}.timeoutSeconds", "is more than periodSeconds")


def variables(container: Inputs, where: str) -> Iterator[Problem]:
    names = sorted(one["name"] for one in container.get("envs") or ())
    for one, following in pairwise(names):
        if one == following:
            yield Problem(f"{where}.envs", f"{one} is there twice")
    for one in container.get("envs") or ():
        if ("value" in one) == ("valueSource" in one):
            yield Problem(f"{where}.envs", f"{one['name']} needs a value or a source of it, one of them")


def security_policy(inputs: Inputs) -> Iterator[Problem]:
    rules = inputs.get("rules") or ()
    priorities = [rule["priority"] for rule in rules]
    if rules and DEFAULT_RULE not in priorities:
        yield Problem("rules", f"there is no default rule, of priority {DEFAULT_RULE}")
    if len(set(priorities)) < len(priorities):
        yield Problem("rules", "two rules have one priority")
    for number, rule in enumerate(rules):
        if len((rule["match"].get("config") or {}).get("srcIpRanges") or ()) > 10:
            yield Problem(f"rules[{number}].match.config.srcIpRanges", "are at most 10")


def url_map(inputs: Inputs) -> Iterator[Problem]:
    if bool(inputs.get("defaultService")) == bool(inputs.get("defaultUrlRedirect")):
        yield Problem("defaultService", "a map leads to a service or redirects, one of them")


def firewall(inputs: Inputs) -> Iterator[Problem]:
    if bool(inputs.get("allows")) == bool(inputs.get("denies")):
        yield Problem("allows", "a rule allows or denies, one of them")
    sources = any(inputs.get(name) for name in ("sourceRanges", "sourceTags", "sourceServiceAccounts"))
    if inputs.get("direction", "INGRESS") == "INGRESS" and not sources:
        yield Problem("sourceRanges", "a rule for what comes in says from where")


def role(inputs: Inputs) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-zA-Z0-9_.]{3,64}", str(inputs.get("roleId"))):
        yield Problem("roleId", "is 3 to 64 letters, digits, _ and .")
    for one in inputs["permissions"]:
        if not PERMISSION.fullmatch(one):
            yield Problem("permissions", f"{one} is not a valid permission")


def account(inputs: Inputs) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])", str(inputs.get("accountId"))):
        yield Problem("accountId", "is 6 to 30 small letters, digits and dashes")


def bucket(inputs: Inputs) -> Iterator[Problem]:
    if known(inputs.get("name")) and not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", inputs["name"]):
        yield Problem("name", "is 3 to 63 small letters, digits, dashes, dots and _")


def spark_policy(inputs: Inputs) -> Iterator[Problem]:
    workers = inputs.get("workerConfig") or {}
    if workers.get("minInstances", 2) < 2:
        yield Problem("workerConfig.minInstances", "is at least 2")
    if workers.get("maxInstances", 2) < workers.get("minInstances", 2):
        yield Problem("workerConfig.maxInstances", "is below minInstances")


def cluster(inputs: Inputs) -> Iterator[Problem]:
    workers = (inputs.get("clusterConfig") or {}).get("workerConfig") or {}
    if workers.get("numInstances", 2) < 2:
        yield Problem("clusterConfig.workerConfig.numInstances", "is at least 2")


def alert(inputs: Inputs) -> Iterator[Problem]:
    for number, one in enumerate(inputs["conditions"]):
        condition = one.get("conditionThreshold") or {}
        where = f"conditions[{number}].conditionThreshold"
        if condition.get("comparison") not in {"COMPARISON_GT", "COMPARISON_LT"}:
            yield Problem(f"{where}.comparison", "is COMPARISON_GT or COMPARISON_LT")
        text = condition.get("filter")
        if known(text) and "resource.type" not in text:
            yield Problem(f"{where}.filter", "must name a resource type")
        if int(str(condition.get("duration", "0s")).rstrip("s")) % 60:
            yield Problem(f"{where}.duration", "is whole minutes")


def address(inputs: Inputs) -> Iterator[Problem]:
    if inputs.get("purpose") == "VPC_PEERING":
        if not inputs.get("network") or not inputs.get("prefixLength"):
            yield Problem("prefixLength", "a range for peering has a network and a length")
        elif inputs["prefixLength"] > 24:
            yield Problem("prefixLength", "a managed service takes a /24 at the least")


def vault(inputs: Inputs) -> Iterator[Problem]:
    if int(str(inputs["backupMinimumEnforcedRetentionDuration"]).rstrip("s")) < 86400:
        yield Problem("backupMinimumEnforcedRetentionDuration", "is at least a day")


def export_ranges(inputs: Inputs) -> Iterator[Problem]:
    exports = inputs["fileShares"].get("nfsExportOptions") or ()
    ranges = [IPv4Network(text) for export in exports for text in export.get("ipRanges") or () if known(text)]
    if sum(one.num_addresses for one in collapse_addresses(ranges)) < sum(one.num_addresses for one in ranges):
        yield Problem("fileShares.nfsExportOptions", "ranges overlap")


def share_and_exports(inputs: Inputs) -> Iterator[Problem]:
    yield from share(inputs)
    yield from export_ranges(inputs)


RULES: Mapping[str, Callable[[Inputs], Iterable[Problem]]] = {
    "*": every,
    t.ACCOUNT: account,
    t.ADDRESS: address,
    t.ALERT: alert,
    t.BUCKET: bucket,
    t.CACHE: cache,
    t.CLUSTER: cluster,
    t.DATABASE_INSTANCE: database,
    t.FIREWALL: firewall,
    t.JOB: job,
    t.POLICY: security_policy,
    t.POOL: pool,
    t.ROLE: role,
    t.SERVICE: service,
    t.SHARE: share_and_exports,
    t.SPARK_POLICY: spark_policy,
    t.URL_MAP: url_map,
    t.VAULT: vault,
}
