"""Requests to an API server, by the official client from a kubeconfig: the answer with its warnings, or a refusal."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes import client, config

# RFC 9111's `299 - "text"`, which may come several times and several to a line.
WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
JSON = "application/json"
SECONDS = 30.0


class RequestRefused(Exception):
    """The API server said no. `status` is HTTP's, `reason` Kubernetes' own word for it: Forbidden, Invalid …"""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class KindNotServed(LookupError):
    """This cluster has no such kind of object: its definition is not installed."""


@dataclass(frozen=True)
class Kind:
    """One kind of object, and where it is served. `prefix` is `/api/v1` or `/apis/GROUP/VERSION`."""

    prefix: str
    plural: str
    name: str
    namespaced: bool

    @property
    def group(self) -> str:
        return self.prefix.split("/")[2] if self.prefix.startswith("/apis/") else ""

    @property
    def version(self) -> str:
        return self.prefix.rpartition("/")[2]

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of one object, or of the collection when there is no name."""
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        tail = [part for part in (self.plural, name, subresource) if part]
        return "/".join([self.prefix + scope, *tail])


@dataclass(frozen=True)
class Answer:
    """What came back: an object of JSON, or text from what serves none, and the server's warnings."""

    status: int
    body: Any
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Connection:
    """One user's way to an API server. `official` may be given to the official client's own classes.

    `kinds` is filled as kinds are asked for, and shared between the users of one cluster.
    """

    official: client.ApiClient
    kinds: dict[str, list[Kind]] = field(default_factory=dict, repr=False)

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = JSON,
    ) -> Answer:
        """Send one request. Raises RequestRefused for a status of 400 and more."""
        full = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": JSON, "Content-Type": content_type}
        parts = self.official.param_serialize(
            method, full, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        response = self.official.call_api(*parts, _request_timeout=SECONDS)
        content = decoded(response.read())
        if response.status >= 400:
            raise refusal(response.status, content)
        return Answer(response.status, content, warnings_of(response.headers))

    def kind_of(self, api_version: str, name: str) -> Kind:
        """Return the kind of manifests with this apiVersion and kind. Raises KindNotServed."""
        for kind in self._served(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"):
            if kind.name == name:
                return kind
        raise KindNotServed(f"{api_version} {name} is not served by this cluster")

    def resource(self, name: str) -> Kind:
        """Return the kind of a resource as `kubectl` and RBAC name it: `pods`, or `jobs.batch` with its group."""
        plural, _, group = name.partition(".")
        for kind in self._served(self._preferred(group) if group else "/api/v1"):
            if kind.plural == plural:
                return kind
        raise KindNotServed(f"{name} is not served by this cluster")

    def _preferred(self, group: str) -> str:
        with self._not_served(group):
            found = self.request("GET", f"/apis/{group}").body
        return f"/apis/{found['preferredVersion']['groupVersion']}"

    def _served(self, prefix: str) -> list[Kind]:
        if prefix not in self.kinds:
            with self._not_served(prefix):
                found = self.request("GET", prefix).body["resources"]
            self.kinds[prefix] = [
                Kind(prefix, each["name"], each["kind"], each["namespaced"])
                for each in found
                if "/" not in each["name"]
            ]
        return self.kinds[prefix]

    @contextlib.contextmanager
    def _not_served(self, name: str) -> Iterator[None]:
        try:
            yield
        except RequestRefused as refused:
            if refused.status != 404:
                raise
            raise KindNotServed(f"{name} is not served by this cluster") from None

    def acting_as(self, user: str) -> Connection:
        """Return a connection for another user, which the first must be allowed to impersonate."""
        official = client.ApiClient(self.official.configuration)
        official.set_default_header("Impersonate-User", user)
        return replace(self, official=official)

    def close(self) -> None:
        self.official.close()


def connect(kubeconfig: Path) -> Connection:
    """Return the connection of a kubeconfig's current user."""
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)
    return Connection(client.ApiClient(settings))


def decoded(content: bytes) -> Any:
    """Return JSON's value; text as it is."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def refusal(status: int, content: Any) -> RequestRefused:
    """Return the error for an answer: Kubernetes' Status object, or whatever else was said."""
    said = content if isinstance(content, dict) else {"message": str(content)}
    return RequestRefused(status, said.get("reason", ""), said.get("message", ""))


def warnings_of(headers: Any) -> tuple[str, ...]:
    """Return the texts of the Warning headers, in order."""
    lines = headers.getlist("Warning")
    return tuple(re.sub(r"\\(.)", r"\1", text) for line in lines for text in WARNING.findall(line))
