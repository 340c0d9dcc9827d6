"""What an account may do, found out twice: by the request itself, impersonated and dry, and by an access review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.cluster.connection import JSON, Connection, Kind, RequestRefused

# Changes nothing, even where it is allowed.
DRY = {"dryRun": "All"}
# What each verb of RBAC is as a request: its method and query. A watch from a version that is none ends at once.
REQUESTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "get": ("GET", {}),
    "list": ("GET", {"limit": "1"}),
    "watch": ("GET", {"watch": "1", "resourceVersion": "none"}),
    "create": ("POST", DRY),
    "update": ("PUT", DRY),
    "patch": ("PATCH", DRY),
    "delete": ("DELETE", DRY),
    "deletecollection": ("DELETE", DRY),
}
NAMES_ONE = frozenset({"get", "update", "patch", "delete"})
SELECTS = frozenset({"list", "watch", "deletecollection"})
NO_OBJECT = "no-such-object"


class AccessDisagrees(AssertionError):
    """The request itself and the access review do not say the same."""


@dataclass(frozen=True)
class ServiceAccount:
    """The identity of pods, by namespace and name."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> list[str]:
        return ["system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated"]


@dataclass(frozen=True)
class Access:
    """One thing that an account may do or not; no `name` means any."""

    account: ServiceAccount
    verb: str
    kind: Kind
    namespace: str
    name: str = ""
    subresource: str = ""

    def is_allowed(self, administrator: Connection) -> bool:
        """Whether it is allowed. Raises AccessDisagrees when the two ways to ask differ.

        A verb that is no request of its own (`bind`, `escalate`, `impersonate`, `use`) is reviewed alone.
        """
        reviewed = self.review(administrator)
        if self.verb not in REQUESTS:
            return reviewed
        tried = self.attempt(administrator)
        if tried is not reviewed:
            what = f"{self.account.user} {self.verb} {self.kind.plural}/{self.subresource} {self.name!r}"
            raise AccessDisagrees(f"{what}: the request says {tried}, the review {reviewed}")
        return tried

    def review(self, administrator: Connection) -> bool:
        """Ask the authorizer by a SubjectAccessReview."""
        attributes = {
            "verb": self.verb,
            "group": self.kind.group,
            "version": self.kind.version,
            "resource": self.kind.plural,
            "subresource": self.subresource,
            "name": self.name,
            "namespace": self.namespace if self.kind.namespaced else "",
        }
        spec = {"user": self.account.user, "groups": self.account.groups, "resourceAttributes": attributes}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        path = administrator.resource("subjectaccessreviews.authorization.k8s.io").path()
        return bool(administrator.request("POST", path, body).body["status"]["allowed"])

    def attempt(self, administrator: Connection) -> bool:
        """Do it as the account, with a body that nobody can take: who may not is told so before it is looked at."""
        method, query = REQUESTS[self.verb]
        content = "application/merge-patch+json" if method == "PATCH" else JSON
        body: dict[str, Any] | None = {} if method in {"POST", "PUT", "PATCH"} else None
        connection = administrator.acting_as(self.account.user)
        try:
            connection.request(method, self._path(), body, {**query, **self._selector()}, content)
        except RequestRefused as refused:
            return not self._is_denied(refused)
        finally:
            connection.close()
        return True

    def _path(self) -> str:
        if self.subresource or self.verb in NAMES_ONE:
            return self.kind.path(self.namespace, self.name or NO_OBJECT, self.subresource)
        return self.kind.path(self.namespace)

    def _selector(self) -> dict[str, str]:
        """Return how a request on a collection names one object."""
        selects = self.name and not self.subresource and self.verb in SELECTS
        return {"fieldSelector": f"metadata.name={self.name}"} if selects else {}

    def _is_denied(self, refused: RequestRefused) -> bool:
        """Whether it was the authorizer who refused, and not admission or the look at the body."""
        return refused.status == 403 and f'User "{self.account.user}" cannot {self.verb} resource' in refused.message
