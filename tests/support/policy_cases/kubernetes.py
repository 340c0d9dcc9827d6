"""Cases of the rules on Kubernetes."""

from __future__ import annotations

from typing import Any

from penstock_infra.policy.containers import POD_SPECS
from support.mutations import with_value
from support.policy_cases.cases import GONE, IMAGE, TAGS, Break, Clouds, Made, Mutation, StackCase, breaks

K = "kubernetes"
SECRET = f"{K}:core/v1:Secret"
SERVICE = f"{K}:core/v1:Service"
NAMESPACE = f"{K}:core/v1:Namespace"
ACCOUNT = f"{K}:core/v1:ServiceAccount"
CLAIM = f"{K}:core/v1:PersistentVolumeClaim"
QUOTA = f"{K}:core/v1:ResourceQuota"
CONFIG = f"{K}:core/v1:ConfigMap"
POLICY = f"{K}:networking.k8s.io/v1:NetworkPolicy"
INGRESS = f"{K}:networking.k8s.io/v1:Ingress"
DEPLOYMENT = f"{K}:apps/v1:Deployment"
STATEFUL = f"{K}:apps/v1:StatefulSet"
CRON = f"{K}:batch/v1:CronJob"
SCALER = f"{K}:autoscaling/v2:HorizontalPodAutoscaler"
RBAC = f"{K}:rbac.authorization.k8s.io/v1"
LABELS = {"metadata": {"name": "x", "namespace": "penstock", "labels": TAGS}}
POD: dict[str, Any] = {
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "web",
            "image": IMAGE,
            "env": [
                {"name": "PENSTOCK_PORT", "value": "6789"},
                {"name": "POSTGRES_PASSWORD_FILE", "value": "/run/penstock/value"},
                {"name": "REDIS_URL", "valueFrom": {"secretKeyRef": {"name": "redis-url", "key": "value"}}},
            ],
            "ports": [{"containerPort": 6789}],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}
PODS = {kind: with_value(LABELS, where, POD) for kind, where in POD_SPECS.items()}
GOOD: dict[str, dict[str, Any]] = {
    **PODS,
    SECRET: {**LABELS, "stringData": {"redis.conf": "port 6379\nrequirepass a-long-password\n"}},
    SERVICE: {**LABELS, "spec": {"type": "ClusterIP", "ports": [{"port": 80}]}},
    NAMESPACE: {
        "metadata": {"name": "penstock", "labels": {**TAGS, "pod-security.kubernetes.io/enforce": "restricted"}}
    },
    ACCOUNT: {**LABELS, "automountServiceAccountToken": False},
    CLAIM: {**LABELS, "spec": {"accessModes": ["ReadWriteMany"]}},
    QUOTA: {**LABELS, "spec": {"hard": {"pods": "10"}}},
    CONFIG: {**LABELS, "data": {"dashboard.json": "{}"}},
    POLICY: {
        **LABELS,
        "spec": {
            "podSelector": {"matchLabels": {"component": "web"}},
            "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 6789}]}],
        },
    },
    INGRESS: {**LABELS, "spec": {"tls": [{"hosts": ["penstock.example.com"]}]}},
    SCALER: {**LABELS, "spec": {"maxReplicas": 8}},
    f"{RBAC}:Role": {
        **LABELS,
        "rules": [
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
            {
                "apiGroups": [""],
                "resources": ["serviceaccounts/token"],
                "resourceNames": ["scaler"],
                "verbs": ["create"],
            },
        ],
    },
}
WHOLE_CLUSTER = {"metadata": {"name": "x", "labels": TAGS}}
BAD = {
    f"{RBAC}:ClusterRole": {
        **WHOLE_CLUSTER,
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*", "escalate"]}],
    },
    f"{RBAC}:ClusterRoleBinding": WHOLE_CLUSTER,
}


def of_pod(where: str) -> list[tuple[str, str, Any, str]]:
    """Return (rule, path, value, word) for every break of a pod whose spec is there."""
    container = f"{where}.containers[0]"
    confined = "container-confined"
    return [
        (confined, f"{where}.hostNetwork", True, "hostNetwork to false"),
        (confined, f"{where}.hostPID", True, "hostPID to false"),
        (confined, f"{where}.hostIPC", True, "hostIPC to false"),
        (confined, f"{where}.volumes[+]", {"name": "root", "hostPath": {"path": "/"}}, "hostPath to nothing"),
        (confined, f"{where}.securityContext.seccompProfile", GONE, "seccompProfile.type"),
        (confined, f"{where}.securityContext.runAsNonRoot", False, "runAsNonRoot to true"),
        (confined, f"{where}.automountServiceAccountToken", GONE, "automountServiceAccountToken to false"),
        (confined, f"{container}.securityContext.allowPrivilegeEscalation", GONE, "allowPrivilegeEscalation"),
        (confined, f"{container}.securityContext.privileged", True, "privileged to false"),
        (confined, f"{container}.securityContext.readOnlyRootFilesystem", False, "readOnlyRootFilesystem to true"),
        (confined, f"{container}.securityContext.capabilities", GONE, "capabilities.drop to [ALL]"),
        (confined, f"{container}.resources.limits.cpu", GONE, "limits.cpu"),
        (confined, f"{container}.resources.limits.memory", GONE, "limits.memory"),
        (confined, f"{container}.ports[0].hostPort", 80, "hostPort to nothing"),
        (
            "no-plain-secret",
            f"{container}.env[+]",
            {"name": "PENSTOCK_DB_PASSWORD", "value": "p"},
            "PENSTOCK_DB_PASSWORD",
        ),
        ("no-plain-secret", f"{container}.env[1].value", "a password", "POSTGRES_PASSWORD_FILE"),
        ("image-by-digest", f"{container}.image", "docker.io/library/redis:7", "by digest"),
    ]


BREAKS: list[Break] = [
    *(Break(rule, kind, path, value, says) for kind, at in POD_SPECS.items() for rule, path, value, says in of_pod(at)),
    *breaks("cache-guarded", SECRET, ("stringData", {"redis.conf": "port 6379\n"}, "requirepass")),
    Break("data-protected", CLAIM, "protect", False, "set protect"),
    Break("data-protected", SECRET, "protect", False, "set protect", name="encryption-key"),
    *breaks(
        "no-world-ingress",
        POLICY,
        ("spec.ingress[0].from", [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "name pods"),
        ("spec.ingress", [{}], "every port"),
    ),
    *breaks(
        "no-public-address",
        SERVICE,
        ("spec.type", "NodePort", "spec.type to ClusterIP"),
        ("spec.externalIPs", ["203.0.113.1"], "externalIPs to nothing"),
    ),
    *breaks(
        "front-by-tls",
        INGRESS,
        ("spec.tls", GONE, "set spec.tls"),
        ("metadata.annotations", {"nginx.ingress.kubernetes.io/ssl-redirect": "false"}, "ssl-redirect to true"),
    ),
    *breaks(
        "sign-in-in-front",
        DEPLOYMENT,
        (
            "spec.template.spec.containers[0].env[+]",
            {"name": "PENSTOCK_AUTH_MODE", "value": "none"},
            "PENSTOCK_AUTH_MODE",
        ),
    ),
    *breaks(
        "no-wildcard-action",
        f"{RBAC}:Role",
        ("rules[0].verbs", ["*"], "rules[0].verbs is a wildcard"),
        ("rules[0].resources", ["*"], "rules[0].resources is a wildcard"),
        ("rules[0].apiGroups", ["*"], "rules[0].apiGroups is a wildcard"),
        ("rules[0].verbs", ["bind"], "bind"),
    ),
    Break("no-wildcard-action", f"{RBAC}:ClusterRole", "", None, "wildcard"),
    *(Break("narrow-grants", kind, "", None, "whole cluster") for kind in BAD),
    *breaks("narrow-grants", f"{RBAC}:Role", ("rules[1].resourceNames", GONE, "resourceNames")),
    *breaks("container-confined", ACCOUNT, ("automountServiceAccountToken", GONE, "automountServiceAccountToken")),
    *breaks(
        "container-confined", NAMESPACE, ("metadata.labels", {**TAGS, "x": "y"}, "pod-security.kubernetes.io/enforce")
    ),
    *breaks("labelled", CONFIG, ("metadata.labels.topology", GONE, "has no topology")),
    *breaks("copies-capped", DEPLOYMENT, ("spec.replicas", 80, "50 or less")),
    *breaks("copies-capped", SCALER, ("spec.maxReplicas", 80, "50 or less")),
    *breaks("copies-capped", QUOTA, ("spec.hard", GONE, "set spec.hard")),
]
SCRIPT = "pg_dump --file=x.part; find d -name '*.dump' -mtime +14 -delete; find d -name '*.dump.part' -mtime +1 -delete"
SCRIPT_AT = "spec.jobTemplate.spec.template.spec.containers[0].command"
DUMPED = [
    Made(STATEFUL, "postgres", {}, {"spec": {"replicas": 1}}),
    Made(
        CRON,
        "database-backup",
        {},
        {
            "spec": {
                "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"command": ["sh", "-c", SCRIPT]}]}}}}
            }
        },
    ),
]
DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
CLOSED = [
    Made(NAMESPACE, "stack", {}, {"metadata": {"name": "penstock"}}),
    Made(POLICY, "deny", {}, {"metadata": {"namespace": "penstock"}, "spec": DENY}),
]
STACKS = [
    StackCase("cluster-database-dumped", DUMPED, Mutation(CRON), "add the CronJob"),
    StackCase(
        "cluster-database-dumped",
        DUMPED,
        Mutation(CRON, f"{SCRIPT_AT}[2]", SCRIPT.replace("+14", "+2")),
        "go after 2 days",
    ),
    StackCase("network-closed", CLOSED, Mutation(POLICY), "add a NetworkPolicy"),
    StackCase("network-closed", CLOSED, Mutation(POLICY, "spec.ingress", [{}]), "add a NetworkPolicy"),
]
KUBERNETES = Clouds(GOOD, BREAKS, STACKS, BAD)
