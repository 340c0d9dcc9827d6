"""Rules for what a container may do on its machine: nothing but its work."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.policy.containers import POD_SPECS, TASK, containers_of
from penstock_infra.policy.rule import Resource, Rule
from penstock_infra.policy.values import ABSENT, FALSE, GIVEN, NOT_TRUE, TRUE, UNKNOWN, Must, Part, one_of

NAMESPACE = "kubernetes:core/v1:Namespace"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
LEVEL = "pod-security.kubernetes.io/enforce"
ASKING_THE_API = {"scheduler": "starts jobs", "penstock": "starts jobs, in the topology `single`"}
"""Pods that ask the API server, and so need a token, each with its reason."""

POD = (
    Must("hostNetwork", NOT_TRUE, "the pod is in its machine's network"),
    Must("hostPID", NOT_TRUE, "the pod sees its machine's processes"),
    Must("hostIPC", NOT_TRUE, "the pod shares its machine's memory"),
)
CONTAINER = (
    Must("securityContext.allowPrivilegeEscalation", FALSE, "a process may get more rights than its parent"),
    Must("securityContext.privileged", NOT_TRUE, "the container is its machine's root"),
    Must("securityContext.readOnlyRootFilesystem", TRUE, "the image may be written to"),
    Must("resources.limits.cpu", GIVEN, "it may take all of its machine's CPU"),
    Must("resources.limits.memory", GIVEN, "it may take all of its machine's memory"),
)


def pod_confined(resource: Resource) -> Iterator[str]:
    """The pod shares nothing of its machine's, mounts none of its folders, and has a seccomp profile."""
    for pod in resource.each(POD_SPECS[resource.type]):
        for must in POD:
            yield from must(pod)
        for volume in pod.each("volumes"):
            yield from Must("hostPath", ABSENT, "it mounts a folder of its machine")(volume)
        yield from Must(
            "securityContext.seccompProfile.type", one_of("RuntimeDefault", "Localhost"), "it may make any system call"
        )(pod)


def no_root(resource: Resource) -> Iterator[str]:
    """Pod or container run as somebody else than root (`runAsNonRoot`)."""
    for pod in resource.each(POD_SPECS[resource.type]):
        for container in containers_of(resource):
            asked = [one.get("securityContext.runAsNonRoot") for one in (container, pod)]
            said = next((one for one in asked if one is not None), None)
            if said is not UNKNOWN and said is not True:
                yield f"{container.at} may run as root; set {pod.at}.securityContext.runAsNonRoot to true"


def containers_confined(resource: Resource) -> Iterator[str]:
    """Containers escalate nothing, have no capability, write to no image, and are bounded in CPU and memory."""
    for container in containers_of(resource):
        for must in CONTAINER:
            yield from must(container)
        drop = "securityContext.capabilities.drop"
        if not container.hides(drop) and "ALL" not in container.texts(drop):
            yield f"it has capabilities; set {container.at}.securityContext.capabilities.drop to [ALL]"
        for port in container.each("ports"):
            yield from Must("hostPort", ABSENT, "it listens on its machine's own address")(port)


def no_token(resource: Resource) -> Iterator[str]:
    """`automountServiceAccountToken` is false, but for pods that ask the API server."""
    for pod in resource.each(POD_SPECS[resource.type]):
        if resource.name not in ASKING_THE_API:
            yield from Must("automountServiceAccountToken", FALSE, "the pod gets a token that it does not need")(pod)


def restricted(resource: Resource) -> Iterator[str]:
    """The namespace enforces restricted Pod Security."""
    labels = resource.get("metadata.labels")
    if labels is not UNKNOWN and not (isinstance(labels, dict) and labels.get(LEVEL) == "restricted"):
        yield f"any pod may run in it; set the label {LEVEL} to restricted"


def task_confined(resource: Resource) -> Iterator[str]:
    """Containers are not root (`user`), have no capability and write to no image."""
    for container in containers_of(resource):
        yield from Must("privileged", NOT_TRUE, "the container is its machine's root")(container)
        yield from Must("readonlyRootFilesystem", TRUE, "the image may be written to")(container)
        yield from _task_user(container)
        if "ALL" not in container.texts("linuxParameters.capabilities.drop"):
            yield f"it has capabilities; set {container.at}.linuxParameters.capabilities.drop to [ALL]"


def _task_user(container: Part) -> Iterator[str]:
    user = container.get("user")
    if str(user or "root").partition(":")[0] in {"root", "0"}:
        yield f"it runs as root; set {container.at}.user to a number above 0"


SECURITY = Rule(
    "container-confined",
    "A container is nobody special: not root, no capabilities, nothing of its machine, and bounded.",
    {
        **{kind: [pod_confined, no_root, containers_confined, no_token] for kind in POD_SPECS},
        ACCOUNT: [Must("automountServiceAccountToken", FALSE, "pods get a token that they do not need")],
        NAMESPACE: [restricted],
        TASK: [task_confined],
    },
    exceptions=(
        *(f"Kubernetes: pods of `{name}` have a token: it {why}." for name, why in ASKING_THE_API.items()),
        "GCP and Azure: Cloud Run and Container Apps confine containers by themselves and take no orders about it.",
    ),
)

RULES = (SECURITY,)
