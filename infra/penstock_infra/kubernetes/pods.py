"""What every pod of a stack has: no rights, no writable root, and bounds. Restricted Pod Security takes no less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from penstock_platform.blueprint import Probe

USER = 10001
"""User and group of the runtime's image."""

Object = dict[str, Any]

CONTAINER_SECURITY: Object = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "read_only_root_filesystem": True,
}


def pod_security(user: int = USER) -> Object:
    """Return a pod's security context. The group owns what is mounted, where the storage can say so."""
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "fs_group": user,
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def pod_spec(containers: list[Object], volumes: list[Object], *, user: int = USER, **others: Any) -> Object:
    """Return a pod's spec: no token of the API server and no variables of other Services unless `others` says so."""
    return {
        "automount_service_account_token": False,
        "containers": containers,
        "enable_service_links": False,
        "security_context": pod_security(user),
        "volumes": volumes,
        **others,
    }


def resources(cpu: str, memory_mib: int, cpu_limit: str | None = None) -> Object:
    """Return requests and limits, the same for both unless CPU may burst."""
    memory = f"{memory_mib}Mi"
    return {"limits": {"cpu": cpu_limit or cpu, "memory": memory}, "requests": {"cpu": cpu, "memory": memory}}


def probe(plan: Probe) -> Object:
    """Return an HTTP probe."""
    return {
        "failure_threshold": plan.failures,
        "http_get": {"path": plan.path, "port": plan.port, "scheme": "HTTP"},
        "period_seconds": plan.period_seconds,
        "timeout_seconds": min(5, plan.period_seconds),
    }


def command_probe(command: list[str], *, failures: int = 3) -> Object:
    """Return a probe that runs a command in the container."""
    return {"exec_": {"command": command}, "failure_threshold": failures, "period_seconds": 10, "timeout_seconds": 5}


def plain_variables(values: Mapping[str, pulumi.Input[str]]) -> list[Object]:
    """Return environment variables with their values."""
    return [{"name": name, "value": value} for name, value in values.items()]


def secret_variable(name: str, secret: str, key: str) -> Object:
    """Return an environment variable whose value stays in a Secret."""
    return {"name": name, "value_from": {"secret_key_ref": {"name": secret, "key": key}}}


def scratch(name: str, limit: str, *, in_memory: bool = False) -> Object:
    """Return a volume that lives as long as its pod."""
    medium = {"medium": "Memory"} if in_memory else {}
    return {"name": name, "empty_dir": {"size_limit": limit, **medium}}


def claimed(name: str, claim: str) -> Object:
    """Return a volume of a PersistentVolumeClaim."""
    return {"name": name, "persistent_volume_claim": {"claim_name": claim}}
