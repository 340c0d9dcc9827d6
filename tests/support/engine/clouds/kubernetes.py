"""Kubernetes as its stand-in knows it: what a cluster refuses, and what of an object can never change.

The cluster lane applies the same objects to a real API server; the rules here are those that the infra lane needs to
refuse a broken program without one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from support.engine.checking import Problem
from support.engine.facts import CloudFacts, Inputs, Made
from support.engine.wire import UNKNOWN

CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
CRON_JOB = "kubernetes:batch/v1:CronJob"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
NAMESPACE = "kubernetes:core/v1:Namespace"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
MONITOR = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
NAMED = (
    BINDING, CLAIM, CRON_JOB, DEPLOYMENT, INGRESS, MONITOR, NAMESPACE, POLICY, RULE, SCALER, SECRET, SERVICE,
    STATEFUL_SET,
    "kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:LimitRange", "kubernetes:core/v1:ResourceQuota",
    "kubernetes:core/v1:ServiceAccount", "kubernetes:policy/v1:PodDisruptionBudget",
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
)  # fmt: skip
DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")


def every(made: Made) -> dict[str, Any]:
    """An object's id is its place."""
    metadata = made.inputs["metadata"]
    place = [metadata["namespace"]] if metadata.get("namespace") else []
    return {"id": "/".join([*place, metadata["name"]])}


def object_rule(inputs: Inputs) -> Iterator[Problem]:
    """What the API server asks of every object's metadata."""
    metadata = inputs.get("metadata") or {}
    for key in ("name", "namespace"):
        value = metadata.get(key)
        if value not in {None, UNKNOWN} and not DNS_NAME.fullmatch(value):
            yield Problem(f"metadata.{key}", f"must be small letters, digits and dashes, not {value!r}")
    for key, value in (metadata.get("labels") or {}).items():
        if value != UNKNOWN and not LABEL.fullmatch(value):
            yield Problem(f"metadata.labels.{key}", f"is no label: {value!r}")


def workload_rule(inputs: Inputs) -> Iterator[Problem]:
    """A workload finds its own pods, and restricted Pod Security admits them."""
    spec = inputs["spec"]
    template = spec["template"]
    wanted = spec["selector"].get("matchLabels") or {}
    if not wanted.items() <= (template.get("metadata") or {}).get("labels", {}).items():
        yield Problem("spec.template.metadata.labels", "the selector does not find the pods")
    yield from pod_problems(template["spec"], "spec.template.spec")


def deployment_rule(inputs: Inputs) -> Iterator[Problem]:
    strategy = inputs["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate"):
        yield Problem("spec.strategy.rollingUpdate", "may not be given when strategy type is Recreate")
    yield from workload_rule(inputs)


def cron_job_rule(inputs: Inputs) -> Iterator[Problem]:
    spec = inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    if spec.get("restartPolicy") not in {"Never", "OnFailure"}:
        yield Problem("spec.jobTemplate.spec.template.spec.restartPolicy", "must be Never or OnFailure")
    yield from pod_problems(spec, "spec.jobTemplate.spec.template.spec")


def pod_problems(spec: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Yield what restricted Pod Security, the quota and the mounts have against a pod."""
    pod = spec.get("securityContext") or {}
    volumes = {volume["name"] for volume in spec.get("volumes") or []}
    for flag in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(flag):
            yield Problem(f"{path}.{flag}", "violates PodSecurity restricted")
    for volume in spec.get("volumes") or []:
        if "hostPath" in volume:
            yield Problem(f"{path}.volumes", "violates PodSecurity restricted: hostPath")
    for index, container in enumerate(spec["containers"]):
        where = f"{path}.containers[{index}]"
        for reason in container_complaints(pod, container.get("securityContext") or {}):
            yield Problem(where, f"violates PodSecurity restricted: {reason}")
        bounds = container.get("resources") or {}
        if not all((bounds.get(kind) or {}).keys() >= {"cpu", "memory"} for kind in ("limits", "requests")):
            yield Problem(f"{where}.resources", "failed quota: must specify limits and requests")
        for mount in container.get("volumeMounts") or []:
            if mount["name"] not in volumes:
                yield Problem(f"{where}.volumeMounts", f"not found: {mount['name']!r}")


def container_complaints(pod: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    """Yield what restricted Pod Security says of one container; what its pod says holds for it too."""
    both = {**pod, **own}
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation must be false"
    if own.get("privileged"):
        yield "privileged must not be true"
    if (own.get("capabilities") or {}).get("drop") != ["ALL"]:
        yield 'capabilities.drop must be ["ALL"]'
    if both.get("runAsNonRoot") is not True:
        yield "runAsNonRoot must be true"
    if both.get("runAsUser") == 0:
        yield "runAsUser must not be 0"
    if (both.get("seccompProfile") or {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "seccompProfile.type must be RuntimeDefault or Localhost"


def scaler_rule(inputs: Inputs) -> Iterator[Problem]:
    spec = inputs["spec"]
    if spec.get("minReplicas", 1) > spec["maxReplicas"]:
        yield Problem("spec.maxReplicas", "must be greater than or equal to minReplicas")


def policy_rule(inputs: Inputs) -> Iterator[Problem]:
    """A direction that has rules and is not named is open."""
    spec = inputs["spec"]
    types: Sequence[str] = spec.get("policyTypes") or ["Ingress"]
    for direction in ("Ingress", "Egress"):
        if spec.get(direction.lower()) and direction not in types:
            yield Problem("spec.policyTypes", f"must have {direction}, of which there are rules")


FACTS = CloudFacts(
    outputs={"*": every},
    secret_outputs={SECRET: ["data", "stringData"]},
    replaces={
        "*": ["metadata.name", "metadata.namespace"],
        BINDING: ["roleRef"],
        CLAIM: ["spec.accessModes", "spec.storageClassName", "spec.volumeName", "spec.selector", "spec.volumeMode"],
        DEPLOYMENT: ["spec.selector"],
        SECRET: ["type"],
        SERVICE: ["spec.clusterIP"],
        STATEFUL_SET: ["spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy"],
    },
    deletes_first=NAMED,
    names={"*": "metadata.name"},
    rules={
        "*": object_rule,
        CRON_JOB: cron_job_rule,
        DEPLOYMENT: deployment_rule,
        POLICY: policy_rule,
        SCALER: scaler_rule,
        STATEFUL_SET: workload_rule,
    },
    untyped=[MONITOR, RULE],
    open_enums=False,
)
