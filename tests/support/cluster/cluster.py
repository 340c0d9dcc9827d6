"""What tests do with a cluster: apply objects strictly, be admitted or refused, and try what an account may do."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.cluster.access import DRY, Access, ServiceAccount
from support.cluster.connection import Connection, RequestRefused, connect
from support.cluster.objects import Manifest, pod_template
from support.waiting import wait_until

FIELD_MANAGER = "penstock-test"
APPLY = "application/apply-patch+yaml"
LEVELS = ("enforce", "audit", "warn")
RESTRICTED = {f"pod-security.kubernetes.io/{level}": "restricted" for level in LEVELS}


@dataclass(frozen=True)
class Applied:
    """The objects as the server keeps them, and its warnings, each after the object it is about."""

    objects: tuple[Manifest, ...]
    warnings: tuple[str, ...]


@dataclass
class Cluster:
    """A cluster, as its administrator. What it made outside namespaces of its own is removed by `close`."""

    connection: Connection
    made: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, kubeconfig: Path) -> Cluster:
        return cls(connect(kubeconfig))

    def close(self) -> None:
        """Remove what was applied outside namespaces, last first; then hang up."""
        for path in reversed(self.made):
            with contextlib.suppress(RequestRefused):
                self.connection.request("DELETE", path, query={"propagationPolicy": "Background"})
        self.made.clear()
        self.connection.close()

    def apply(self, objects: Iterable[Manifest], namespace: str = "", *, dry_run: bool = False) -> Applied:
        """Apply in the given order, server-side and strictly; `namespace` is for objects that name none.

        Idempotent. Raises RequestRefused for an object that is not valid, has an unknown or doubled field, is refused
        by admission or belongs to another field manager, and KindNotServed; the objects before it stay applied.
        """
        kept, warnings = [], []
        for manifest in objects:
            answer = self._apply_one(manifest, namespace, DRY if dry_run else {})
            kept.append(answer.body)
            name = manifest["metadata"]["name"]
            warnings += [f"{manifest['kind']} {name}: {warning}" for warning in answer.warnings]
        return Applied(tuple(kept), tuple(warnings))

    def _apply_one(self, manifest: Manifest, namespace: str, query: dict[str, str]) -> Any:
        kind = self.connection.kind_of(manifest["apiVersion"], manifest["kind"])
        metadata = dict(manifest["metadata"])
        if kind.namespaced:
            metadata.setdefault("namespace", namespace)
        path = kind.path(metadata.get("namespace", ""), metadata["name"])
        if not kind.namespaced and not query and not self._exists(path):
            self.made.append(path)
        options = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **query}
        return self.connection.request("PATCH", path, {**manifest, "metadata": metadata}, options, APPLY)

    def admit_pods(self, objects: Iterable[Manifest], namespace: str = "") -> tuple[str, ...]:
        """Ask admission for the pod of every workload among the objects, without making it; return the names asked for.

        A workload whose pods are refused is itself taken with no more than a warning: its controller finds out. Apply
        the accounts that the pods name first. Raises RequestRefused, Forbidden for what Pod Security does not allow.
        """
        asked = []
        for manifest in objects:
            template = pod_template(manifest)
            if template is not None:
                name = manifest["metadata"]["name"]
                where = manifest["metadata"].get("namespace", namespace)
                metadata = {**template.get("metadata", {}), "name": name, "namespace": where}
                pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
                query = {"fieldValidation": "Strict", **DRY}
                self.connection.request("POST", self.connection.resource("pods").path(where), pod, query)
                asked.append(name)
        return tuple(asked)

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Manifest | None:
        """Return an object as the server keeps it; None when there is none."""
        path = self.connection.kind_of(api_version, kind).path(namespace, name)
        try:
            found: Manifest = self.connection.request("GET", path).body
        except RequestRefused as refused:
            if refused.status != 404:
                raise
            return None
        return found

    def _exists(self, path: str) -> bool:
        try:
            self.connection.request("GET", path)
        except RequestRefused as refused:
            if refused.status != 404:
                raise
            return False
        return True

    @contextlib.contextmanager
    def namespace(self, prefix: str = "penstock-test") -> Iterator[str]:
        """Give a namespace of a random name that enforces restricted Pod Security; what is in it goes with it."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        namespaces = self.connection.resource("namespaces")
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        self.connection.request("POST", namespaces.path(), body)
        try:
            # Pods that name no account need this one, which a controller makes.
            wait_until(lambda: self.get("v1", "ServiceAccount", "default", name), otherwise="no default account")
            yield name
        finally:
            self.connection.request("DELETE", namespaces.path(name=name))

    @contextlib.contextmanager
    def impersonate(self, account: ServiceAccount) -> Iterator[Connection]:
        """Give a connection that is the account; the server adds the groups that its pods would have."""
        connection = self.connection.acting_as(account.user)
        try:
            yield connection
        finally:
            connection.close()

    def can(
        self,
        account: ServiceAccount,
        verb: str,
        resource: str,
        subresource: str = "",
        name: str = "",
        namespace: str = "",
    ) -> bool:
        """Whether the account may do this; `resource` as in `pods` or `jobs.batch`, the namespace by default its own.

        Raises AccessDisagrees when the request itself and an access review do not say the same.
        """
        kind = self.connection.resource(resource)
        access = Access(account, verb, kind, namespace or account.namespace, name, subresource)
        return access.is_allowed(self.connection)
